"""The trace: while one is current, every primitive is written down instead of computed.

Tensors from outside become inputs of the graph, bound to the place where their value is
found at every later call; what is assigned to them becomes an output, written back there.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes
from chainrule.errors import TraceError
from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ops.primitive import Params, Primitive
from chainrule.tensor.bindings import Argument, Binding, GradSlot, Number, State
from chainrule.tensor.guards import Guard, TensorGuard
from chainrule.tensor.symbol import Symbol, user_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chainrule.tensor.tensor import Tensor

current: ContextVar[Trace | None] = ContextVar("trace", default=None)


class Trace:
    """One function being written down."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.bindings: list[Binding] = []  # one for each input of the graph
        self.guards: list[Guard] = []
        self.made: list[weakref.ref[Tensor]] = []
        self.modules: list[Any] = []  # the modules being called now, outermost first
        self.streams: list[tuple[Any, Any]] = []  # of random numbers, and where they were
        self.observers: list[Any] = []  # told of every call of the recording
        self._states: dict[int, Binding] = {}  # by id of the cell
        self._grads: dict[int, GradSlot] = {}  # by id of the tensor
        self._literals: dict[tuple, Symbol] = {}
        self._met: dict[int, Tensor] = {}  # by id: outside tensors read here
        self._own: dict[int, Tensor] = {}  # by id: arguments, and aliases made of them
        self._twins: dict[int, Tensor] = {}  # by id: aliases made here
        self.pinned: dict[int, Any] = {}  # cells of arguments also known from outside
        self.outer: Trace | None = None  # of the body of a loop: the trace around it

    def is_current(self) -> bool:
        """Whether operations are being written down here, or in a body inside."""
        now = current.get()
        while now is not None and now is not self:
            now = now.outer
        return now is self

    def emit(self, primitive: type[Primitive], inputs: tuple, params: Params) -> Symbol:
        """Write down one equation; its result is a symbol."""
        shape = primitive.shape(*[s.shape for s in inputs], **params)
        dtype = primitive.dtype(*[s.dtype for s in inputs], **params)
        output = Variable(tuple(shape), dtype)
        variables = tuple([s.variable for s in inputs])
        self.graph.equations.append(
            Equation(primitive, variables, params, output, self._source())
        )
        return Symbol(output, self)

    def _source(self) -> str:
        names = "/".join(type(module).__name__ for module in self.modules)
        return names + user_line(" at ")

    def literal(self, value: Any, dtype: np.dtype) -> Symbol:
        """A Python number as a constant of the graph."""
        key = (repr(value), dtype)
        if key not in self._literals:
            self._literals[key] = self.constant(dtypes.cast(np.asarray(value), dtype))
        return self._literals[key]

    def constant(self, array: np.ndarray) -> Symbol:
        """An array that is the same at every call."""
        variable = Variable(array.shape, array.dtype)
        self.graph.constants[variable] = array.copy(order="K")
        return Symbol(variable, self)

    def read(self, tensor: Tensor) -> Symbol:
        """The symbol of a tensor; one from outside becomes an input when first met."""
        held = tensor._cell.array
        if isinstance(held, Symbol):
            if held.trace is not self:
                held.no_numbers("computing with it")
            return held
        binding = self._states.get(id(tensor._cell)) or self.bind(State(tensor))
        if id(tensor) not in self._met and id(tensor) not in self._own:
            self._meet(tensor, binding)
        return binding.now

    def variable_of(self, tensor: Tensor) -> Variable | None:
        """The variable that a tensor is now; one from outside may be none yet."""
        held = tensor._cell.array
        if isinstance(held, Symbol):
            return held.variable
        binding = self._states.get(id(tensor._cell))
        return None if binding is None else binding.now.variable

    def _meet(self, tensor: Tensor, binding: Binding) -> None:
        """A tensor from outside, seen for the first time."""
        self._met[id(tensor)] = tensor
        self.require(TensorGuard(tensor))
        if not isinstance(binding, Argument):
            return
        if tensor._requires_grad:
            raise TraceError(
                "CR409",
                f"argument {binding.position} of the compiled function is also known to it "
                f"from outside{user_line()}, and requires a gradient; pass it one way only",
            )
        self.pinned[binding.position] = tensor._cell

    def _meet_argument(self, tensor: Tensor) -> None:
        """An argument met from outside by its gradient, before its numbers."""
        binding = self._states.get(id(tensor._cell))
        known = id(tensor) in self._met or id(tensor) in self._own
        if isinstance(binding, Argument) and not known:
            self._meet(tensor, binding)

    def alias(self, tensor: Tensor, twin: Tensor) -> None:
        """Note that `twin` shares the memory of `tensor`."""
        self.read(tensor)
        self._twins[id(twin)] = twin
        if id(tensor) in self._own:
            self._own[id(twin)] = twin

    def is_from_outside(self, tensor: Tensor) -> bool:
        """Whether a tensor was there before the function was called."""
        return not isinstance(tensor._cell.array, Symbol) and id(tensor) not in self._twins

    def write(self, tensor: Tensor, symbol: Symbol, keeps_history: bool = False) -> None:
        """Assign to a tensor: its cell, if made here, else the place it is bound to."""
        if isinstance(tensor._cell.array, Symbol):
            tensor._cell.array = symbol
            return
        if keeps_history:
            raise TraceError(
                "CR405",
                f"an in-place write{user_line()} would give a tensor from outside the compiled "
                "function a history inside it; write value.detach(), or return the value",
            )
        self.read(tensor)
        self._states[id(tensor._cell)].now = symbol

    def bind(self, binding: Binding) -> Binding:
        """Make the tensor that `binding` finds now an input of the graph."""
        self.add_input(binding, binding.tensor._cell.array)
        self._states[id(binding.tensor._cell)] = binding
        return binding

    def bind_argument(self, tensor: Tensor, position: int) -> None:
        """An argument becomes an input, unless its memory is one: it was passed twice."""
        self._own[id(tensor)] = tensor
        if id(tensor._cell) not in self._states:
            self.bind(Argument(tensor, position))

    def add_input(self, binding: Binding, array: np.ndarray) -> None:
        """A new input of the graph, like the `array` that is there now."""
        variable = Variable(array.shape, array.dtype)
        self.graph.inputs.append(variable)
        self.bindings.append(binding)
        binding.first = binding.now = Symbol(variable, self)

    def number(self, read: Callable[[], float]) -> Symbol:
        """A Python number that may change from call to call, as a 0-d float64 input."""
        binding = Number(read)
        self.add_input(binding, np.asarray(read(), np.float64))
        return binding.now

    def grad_slot(self, tensor: Tensor) -> GradSlot:
        """The slot `tensor.grad`, whose object changes from step to step."""
        if id(tensor) not in self._grads:
            self._meet_argument(tensor)
            self._grads[id(tensor)] = GradSlot(tensor, self)
        return self._grads[id(tensor)]

    def has_dropped_grad(self, tensor: Tensor) -> bool:
        """Whether the function has set `tensor.grad` to None, or knows that it was."""
        slot = self._grads.get(id(tensor))
        return slot is not None and slot.is_none

    def guard(self, read: Callable[[], Any], what: str) -> Any:
        """Read something that steers Python code; another value is another recording."""
        guard = Guard(read, what)
        self.require(guard)
        return guard.expected

    def require(self, guard: Guard) -> None:
        """The recording is to run only where this holds."""
        self.guards.append(guard)

    def argument_position(self, tensor: Tensor) -> int | None:
        """Which argument of the function a tensor is."""
        found = (b for b in self.bindings if isinstance(b, Argument) and b.tensor is tensor)
        return next((b.position for b in found), None)

    def written_grads(self) -> list[GradSlot]:
        """The slots of outside tensors whose gradient was replaced or changed."""
        return [slot for slot in self.outside_grads() if slot.written]

    def outside_grads(self) -> list[GradSlot]:
        """The slots of outside tensors whose gradient was read or written."""
        return [slot for slot in self._grads.values() if slot.is_outside]

    def release(self) -> None:
        """Let go of everything but the graph, the guards and the places of the bindings."""
        for held in (self._grads, self._states, self._own, self._twins, self._met):
            held.clear()
        for binding in self.bindings:
            binding.release()


def refuse_array(what: str) -> None:
    """Raise TraceError (CR403) while tracing: an array from outside would be a constant."""
    if current.get() is not None:
        raise TraceError(
            "CR403",
            f"{what} inside a compiled function{user_line()} would freeze the numbers that the "
            "array holds now. Make the tensor outside and pass it as an argument",
        )


@contextmanager
def active(trace: Trace | None) -> Iterator[Trace | None]:
    """Make `trace` current; None computes eagerly even inside a trace."""
    token = current.set(trace)
    try:
        yield trace
    finally:
        current.reset(token)
