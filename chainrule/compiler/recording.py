"""One recording: a function written down for one situation, ready to run again."""

from __future__ import annotations

import functools
import gc
import random
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.compiler.differentiate import differentiate
from chainrule.compiler.key import Key, call_key
from chainrule.compiler.nonfinite import check_finite
from chainrule.compiler.pipeline import optimize
from chainrule.compiler.situation import watch
from chainrule.compiler.structure import flatten, unflatten
from chainrule.engines.choice import program
from chainrule.engines.visits import Watched
from chainrule.errors import TraceError
from chainrule.ir.graph import Variable
from chainrule.tensor import anomaly, tape
from chainrule.tensor.bindings import GradSlot, Places, State
from chainrule.tensor.function import Context, FunctionNode, OutputNode
from chainrule.tensor.guards import GuardSet
from chainrule.tensor.streams import plain, read_state
from chainrule.tensor.symbol import Symbol
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace, active


class Recording:
    """A graph, where its inputs come from, and where its outputs go."""

    def __init__(
        self, function: Callable, tree: Any, arguments: list[Tensor], engine: str
    ) -> None:
        self.calls, self.engine = 0, engine
        self.used = 0  # grows with each call of any compiled function
        self.last_inputs: list[np.ndarray] | None = None  # while somebody keeps track
        self.watched: Watched | None = None  # the program, for the next run, as one looks on
        self.seconds: dict[str, float] = {}  # of each phase
        start = time.perf_counter()
        trace = Trace()
        chance = _random_states()
        inner = [_stand_in(tensor) for tensor in arguments]
        args, kwargs = unflatten(tree, inner)
        situation = call_key((args, kwargs), list(inner), whole=False)
        for position, tensor in enumerate(inner):
            trace.bind_argument(tensor, position)
        watch(function, trace)
        watch(tree, trace)
        with active(trace):
            result = function(*args, **kwargs)
            _check_arguments(situation, (args, kwargs), inner)
            leaves: list[Tensor] = []
            self.result_tree = flatten(result, leaves)
            _check_result(result)
            del args, kwargs, result
            self._results = [_Result(tensor, trace, inner) for tensor in leaves]
            self._shared = _shared_memory(leaves, inner, trace)
            self._grads = _Gradients(trace.written_grads(), inner)
            self.derivative = differentiate(trace, leaves, inner, engine)
        del leaves
        _check_guards(trace)
        _check_random(chance, trace.streams)
        inside = {} if self.derivative is None else self.derivative.seconds
        self.seconds["trace"] = time.perf_counter() - start - sum(inside.values())
        self._finish(trace)
        for observer in trace.observers:
            observer.recorded(self)
        trace.release()
        _check_leaks(trace)
        self.guards = GuardSet(trace.guards)
        self.observers = trace.observers
        self._pinned = trace.pinned
        self._known = {id(b.tensor._cell) for b in self.bindings if isinstance(b, State)}

    def _finish(self, trace: Trace) -> None:
        """List the inputs and outputs, run the passes, hand the graph to the engine."""
        graph = trace.graph if self.derivative is None else self.derivative.forward
        pairs = sorted(zip(trace.bindings, graph.inputs), key=lambda pair: pair[0].rank)
        self.bindings = [binding for binding, _ in pairs]
        graph.inputs = [variable for _, variable in pairs]
        self._places = Places(self.bindings)
        outputs = [r.variable for r in self._results if r.variable is not None]
        replaced = {}
        for i, binding in enumerate(self.bindings):
            if binding.written:
                replaced[len(outputs)] = i
                outputs.append(binding.now.variable)
        residuals = [] if self.derivative is None else self.derivative.residuals
        graph.outputs = [*outputs, *self._grads.variables, *residuals]
        self.traced = graph
        start = time.perf_counter()
        self.graph, self.passes = optimize(graph)
        middle = time.perf_counter()
        self.program = program(self.engine, self.graph, replaced)
        self.seconds["passes"] = middle - start
        self.seconds["engine"] = time.perf_counter() - middle

    def fits(self, arguments: list[Tensor]) -> bool:
        """Whether the arguments share memory with tensors known from outside just as then."""
        for tensor in arguments:
            if id(tensor._cell) in self._known:
                return False
        return not self._pinned or all(
            arguments[position]._cell is cell for position, cell in self._pinned.items()
        )

    def read(self, arguments: list[Tensor]) -> list[np.ndarray]:
        """The inputs of the graph for these arguments."""
        return self._places.read(arguments)

    def run(self, arguments: list[Tensor]) -> Any:
        """Run the graph, write back what was assigned, return what the function returned.

        Notes: no name here may hold the list of inputs or one of their arrays. An engine
        counts who holds an array: one that only a tensor holds is overwritten.
        """
        self.calls += 1
        if anomaly.State.enabled:
            check_finite(self.graph, self.read(arguments))
        self._grads.drop()
        program, self.watched = self.watched or self.program, None
        values = iter(program.run(self.read(arguments)))
        results = [result.make(values, arguments) for result in self._results]
        self._places.write(values, arguments)
        self._grads.attach(values, arguments)
        for share in self._shared:
            share(results, arguments)
        if self.derivative is not None:
            results = self.derivative.attach(results, list(values), arguments)
        return unflatten(self.result_tree, results, Tensor.item)


class _Result:
    """A tensor that the function returned: new, or one that was there before."""

    def __init__(self, tensor: Tensor, trace: Trace, arguments: list[Tensor]) -> None:
        self.variable: Variable | None = None
        self.outside: Tensor | None = None
        self.position = _position(tensor, arguments)
        self.aliased = None if self.position is not None else _cell_position(tensor, arguments)
        self.freed = tensor._edge is not None and tape.is_freed(tensor._edge)
        if self.position is None and self.aliased is None:
            if isinstance(tensor._cell.array, Symbol):
                self.variable = trace.read(tensor).variable
            else:
                self.outside = tensor

    def make(self, values: Any, arguments: list[Tensor]) -> Tensor:
        if self.variable is not None:
            edge = OutputNode(_spent(), 0, "CompiledBackward") if self.freed else None
            return Tensor._wrap(next(values), edge)
        if self.aliased is not None:
            return arguments[self.aliased]._alias()
        return arguments[self.position] if self.outside is None else self.outside  # type: ignore[index]


@functools.cache
def _spent() -> FunctionNode:
    """What is behind a result whose backward ran inside the function: a second one raises,
    as in eager."""
    node = FunctionNode(Context(), lambda ctx, g: (), (), [])
    node.release()
    return node


class _Gradients:
    """The gradients that the function replaced, or set to None: those of tensors from
    outside, and those of arguments."""

    def __init__(self, slots: list[GradSlot], arguments: list[Tensor]) -> None:
        if any(getattr(slot.tensor, "_had_history", False) for slot in slots):
            raise TraceError(
                "CR302",
                "backward inside a compiled function goes on into the graph of an argument "
                "that was computed outside; detach the argument, or compile without backward",
            )
        outside: list[tuple[Tensor, Variable]] = []
        inside: list[tuple[int, Variable]] = []
        self._dropped: list[Tensor | int] = []
        self._dropped_first = [
            slot.tensor
            for slot in slots
            if slot.dropped_first and _position(slot.tensor, arguments) is None
        ]
        for slot in slots:
            position = _position(slot.tensor, arguments)
            if slot.variable is None:
                self._dropped.append(slot.tensor if position is None else position)
            elif position is None:
                outside.append((slot.tensor, slot.variable))
            else:
                inside.append((position, slot.variable))
        self._tensors = [tensor for tensor, _ in outside]
        self._positions = [position for position, _ in inside]
        self.variables = [variable for _, variable in (*outside, *inside)]

    def drop(self) -> None:
        """Drop those that the function drops before it computes anything (zero_grad), so that
        there is memory for the new ones. Where the graph raises they are lost in eager too."""
        for tensor in self._dropped_first:
            tensor._grad = None

    def attach(self, values: Iterator[np.ndarray], arguments: list[Tensor]) -> None:
        """Give each tensor the next of `values` as its gradient."""
        wrap = Tensor._wrap
        for tensor, array in zip(self._tensors, values):
            tensor._grad = wrap(array)
        for position in self._positions:
            arguments[position]._grad = wrap(next(values))
        for owner in self._dropped:
            _tensor(owner, arguments)._grad = None


def _stand_in(tensor: Tensor) -> Tensor:
    """What the function gets for an argument while it is traced: another object on the same
    memory, so that the argument is told from the same tensor met some other way. One with a
    history becomes a leaf: the graph begins here."""
    twin = object.__new__(type(tensor))
    twin.__dict__.update(tensor.__dict__)
    twin._view = None  # at the next call it may be another part
    if tensor._edge is not None:
        twin._edge = None
        twin._had_history = True  # type: ignore[attr-defined]
    return twin


def _position(tensor: Tensor, arguments: list[Tensor]) -> int | None:
    return next((i for i, x in enumerate(arguments) if x is tensor), None)


def _cell_position(tensor: Tensor, arguments: list[Tensor]) -> int | None:
    """Which argument has the same memory."""
    return next((i for i, x in enumerate(arguments) if x._cell is tensor._cell), None)


def _tensor(owner: Tensor | int, arguments: list[Tensor]) -> Tensor:
    """A tensor from outside, or the argument at a position."""
    return arguments[owner] if isinstance(owner, int) else owner


Share = Callable[[list[Tensor], list[Tensor]], None]


def _shared_memory(leaves: list[Tensor], arguments: list[Tensor], trace: Trace) -> list[Share]:
    """How results are connected with one another, with arguments and with outside tensors:
    two on one cell, or one a view of another, which must not be written in place."""
    found: list[Share] = []
    for slot in trace.outside_grads():
        at = _position(slot.tensor, arguments)
        owner = slot.tensor if at is None else at
        found += [
            functools.partial(_give_grad, i, owner)
            for i, y in enumerate(leaves)
            if y is slot.held
        ]
    for i, y in enumerate(leaves):
        first = _cell_position(y, leaves)
        if first is not None and first < i and isinstance(y._cell.array, Symbol):
            found.append(functools.partial(_share_cell, i, first))
        base = None if y._base is None else y._base()
        if base is None or not isinstance(y._cell.array, Symbol):
            continue
        for groups, tensors in enumerate((leaves, arguments)):
            of = next((k for k, x in enumerate(tensors) if x._cell is base), None)
            if of is not None:
                found.append(functools.partial(_show, i, groups, of))
                break
        else:
            found.append(functools.partial(_show_outside, i, weakref.ref(base)))
    return found


def _give_grad(
    i: int, owner: Tensor | int, results: list[Tensor], arguments: list[Tensor]
) -> None:
    """The result is the very tensor that is the gradient of `owner`."""
    grad = _tensor(owner, arguments)._grad
    assert grad is not None
    results[i] = grad


def _share_cell(i: int, first: int, results: list[Tensor], arguments: list[Tensor]) -> None:
    results[i]._cell = results[first]._cell


def _show(i: int, group: int, of: int, results: list[Tensor], arguments: list[Tensor]) -> None:
    whole = (results, arguments)[group][of]
    results[i]._base = whole._base_cell()


def _show_outside(i: int, base: Any, results: list[Tensor], arguments: list[Tensor]) -> None:
    results[i]._base = base


def _check_arguments(before: Key, call: tuple, tensors: list[Tensor]) -> None:
    """What the function does to the arguments besides writing numbers would be done once."""
    leaves = list(tensors)
    if call_key(call, leaves, whole=False) != before:
        raise TraceError(
            "CR404",
            "the compiled function changes an argument (a container or object among the "
            "arguments, requires_grad or the hooks of a tensor) or a global mode (gradient "
            "recording, the default dtype); that would happen at the first call only. Do it "
            "outside, or return the new value",
        )


def _check_result(result: Any) -> None:
    if isinstance(result, Iterator):
        raise TraceError(
            "CR404",
            f"the compiled function returns a {type(result).__name__}, which runs out after "
            "the first call; return a list or a tuple",
        )


def _check_guards(trace: Trace) -> None:
    """Python state that the function itself changes would change once, not at every call."""
    for guard in trace.guards:
        if not guard.holds():
            raise TraceError(
                "CR404",
                f"{guard.what} changed while the function was compiled; a compiled function "
                "cannot change Python state at every call. Do it outside, or keep it in a "
                "tensor",
            )


def _random_states() -> tuple:
    return random.getstate(), plain(read_state(np.random))


def _check_random(before: tuple, streams: list[tuple[Any, Any]]) -> None:
    """Random numbers drawn outside chainrule would be the same at every call."""
    own = any(plain(read_state(stream)) != state for stream, state in streams)
    if own or _random_states() != before:
        raise TraceError(
            "CR408",
            "the compiled function drew from Python's or NumPy's random numbers, which would "
            "be frozen; use chainrule.rand and its kin, or pass the numbers as a tensor",
        )


def _check_leaks(trace: Trace) -> None:
    """A tensor kept outside would hold no numbers, and be the same at every call."""
    for generation in range(3):  # most are young, and looking among the old takes long
        if any(ref() is not None for ref in trace.made):
            gc.collect(generation)
    kept = [tensor for ref in trace.made if (tensor := ref()) is not None]
    if kept:
        raise TraceError(
            "CR402",
            f"{len(kept)} tensors made inside the compiled function were kept outside it (the "
            f"first has shape {tuple(kept[0].shape)}); they would not be made anew at the next "
            "call. Return them from the function instead",
        )
