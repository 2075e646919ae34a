"""One recording: a function written down for one situation, ready to run again."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from chainrule import settings
from chainrule.compiler.differentiate import Derivative, differentiate, with_freed_history
from chainrule.compiler.pipeline import optimize
from chainrule.compiler.situation import snapshot, watch
from chainrule.compiler.structure import flatten, unflatten
from chainrule.engines.reference import ReferenceProgram
from chainrule.errors import TraceError
from chainrule.ir.graph import Graph, Variable
from chainrule.tensor import tape
from chainrule.tensor.bindings import GradSlot, State
from chainrule.tensor.guards import Guard, same
from chainrule.tensor.symbol import Symbol
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace, active


class Recording:
    """A graph, where its inputs come from, and where its outputs go."""

    def __init__(self, function: Callable, tree: Any, arguments: list[Tensor]) -> None:
        self.calls = 0
        trace = Trace()
        chance = _random_states()
        inner = [_stand_in(tensor) for tensor in arguments]
        situation = call_key(tree, inner, whole=False)
        for position, tensor in enumerate(inner):
            trace.bind_argument(tensor, position)
        watch(function, trace)
        watch(tree, trace)
        with active(trace):
            args, kwargs = unflatten(tree, inner)
            result = function(*args, **kwargs)
            _check_arguments(situation, (args, kwargs), inner)
            leaves: list[Tensor] = []
            self.result_tree = flatten(result, leaves)
            _check_result(result)
            del args, kwargs, result
            self._results = [_Result(tensor, trace, inner) for tensor in leaves]
            self._shared = _shared_memory(leaves, inner, trace)
            self._writes = [b for b in trace.bindings if b.written]
            self._grads = [_GradWrite(slot, inner) for slot in trace.written_grads()]
            self.derivative: Derivative | None = differentiate(trace, leaves, inner)
        del leaves
        _check_guards(trace)
        _check_random(chance)
        self._finish(trace.graph)
        trace.release()
        _check_leaks(trace)
        self.guards: list[Guard] = trace.guards
        self.bindings = trace.bindings
        self._pinned = trace.pinned
        self._known = {id(b.tensor._cell) for b in self.bindings if isinstance(b, State)}

    def _finish(self, graph: Graph) -> None:
        """List the outputs, run the passes, hand the graph to the engine."""
        outputs: list[Variable] = []
        for result in self._results:
            outputs += [result.variable] if result.variable is not None else []
        outputs += [binding.now.variable for binding in self._writes]
        outputs += [w.variable for w in self._grads if w.variable is not None]
        if self.derivative is not None:
            outputs += self.derivative.residuals
            graph = self.derivative.forward
        graph.outputs = outputs
        self.traced = graph
        self.graph, self.passes = optimize(graph)
        self.program = ReferenceProgram(self.graph)

    def fits(self, arguments: list[Tensor]) -> bool:
        """Whether the arguments share memory with tensors known from outside just as then."""
        for position, tensor in enumerate(arguments):
            pinned = self._pinned.get(position)
            if pinned is not tensor._cell and (
                pinned is not None or id(tensor._cell) in self._known
            ):
                return False
        return True

    def broken_guard(self) -> Guard | None:
        """The first guard that does not hold any more, or None."""
        for guard in self.guards:
            if not guard.holds():
                return guard
        return None

    def run(self, arguments: list[Tensor]) -> Any:
        """Run the graph, write back what was assigned, return what the function returned."""
        self.calls += 1
        inputs = [binding.read(arguments) for binding in self.bindings]
        values = iter(self.program.run(inputs))
        results = [result.make(values, arguments) for result in self._results]
        for binding in self._writes:
            binding.write(next(values), arguments)
        for write in self._grads:
            write.apply(values, arguments)
        for share in self._shared:
            share(results, arguments)
        if self.derivative is not None:
            results = self.derivative.attach(results, list(values), arguments)
        return unflatten(self.result_tree, results)


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
            y = Tensor._wrap(next(values))
            return with_freed_history(y) if self.freed else y
        if self.aliased is not None:
            return arguments[self.aliased]._alias()
        return arguments[self.position] if self.outside is None else self.outside  # type: ignore[index]


class _GradWrite:
    """A `.grad` that the function replaced, or set to None."""

    def __init__(self, slot: GradSlot, arguments: list[Tensor]) -> None:
        self.position = _position(slot.tensor, arguments)
        self.tensor = slot.tensor if self.position is None else None
        if getattr(slot.tensor, "_had_history", False):
            raise TraceError(
                "CR302",
                "backward inside a compiled function goes on into the graph of an argument "
                "that was computed outside; detach the argument, or compile without backward",
            )
        self.variable = slot.variable

    def apply(self, values: Any, arguments: list[Tensor]) -> None:
        tensor = arguments[self.position] if self.tensor is None else self.tensor  # type: ignore[index]
        tensor._grad = None if self.variable is None else Tensor._wrap(next(values))


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


Share = Callable[[list[Tensor], list[Tensor]], None]


def _shared_memory(leaves: list[Tensor], arguments: list[Tensor], trace: Trace) -> list[Share]:
    """How results are connected with one another, with arguments and with outside tensors:
    two on one cell, or one a view of another, which must not be written in place."""
    found: list[Share] = []
    for slot in trace.outside_grads():
        at = _position(slot.tensor, arguments)
        owner = slot.tensor if at is None else at
        found += [partial(_give_grad, i, owner) for i, y in enumerate(leaves) if y is slot.held]
    for i, y in enumerate(leaves):
        first = _cell_position(y, leaves)
        if first is not None and first < i and isinstance(y._cell.array, Symbol):
            found.append(partial(_share_cell, i, first))
        base = None if y._base is None else y._base()
        if base is None or not isinstance(y._cell.array, Symbol):
            continue
        for groups, tensors in enumerate((leaves, arguments)):
            of = next((k for k, x in enumerate(tensors) if x._cell is base), None)
            if of is not None:
                found.append(partial(_show, i, groups, of))
                break
        else:
            found.append(partial(_show_outside, i, weakref.ref(base)))
    return found


def _give_grad(
    i: int, owner: Tensor | int, results: list[Tensor], arguments: list[Tensor]
) -> None:
    """The result is the very tensor that is the gradient of `owner`."""
    grad = (arguments[owner] if isinstance(owner, int) else owner)._grad
    assert grad is not None
    results[i] = grad


def _share_cell(i: int, first: int, results: list[Tensor], arguments: list[Tensor]) -> None:
    results[i]._cell = results[first]._cell


def _show(i: int, group: int, of: int, results: list[Tensor], arguments: list[Tensor]) -> None:
    whole = (results, arguments)[group][of]
    results[i]._base = whole._base_cell()


def _show_outside(i: int, base: Any, results: list[Tensor], arguments: list[Tensor]) -> None:
    results[i]._base = base


def _check_arguments(before: tuple, arguments: tuple, tensors: list[Tensor]) -> None:
    """What the function does to the arguments besides writing numbers would be done once."""
    leaves = list(tensors)
    after = call_key(flatten(arguments, leaves), tensors, whole=False)
    if len(leaves) > len(tensors) or not same(before[0], after[0]) or before[1:] != after[1:]:
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
    return random.getstate(), str(np.random.get_state())


def _check_random(before: tuple) -> None:
    """Random numbers drawn outside chainrule would be the same at every call."""
    if _random_states() != before:
        raise TraceError(
            "CR408",
            "the compiled function drew from Python's or NumPy's random numbers, which would "
            "be frozen; use chainrule.rand and its kin, or pass the numbers as a tensor",
        )


def _check_leaks(trace: Trace) -> None:
    """A tensor kept outside would hold no numbers, and be the same at every call."""
    if any(ref() is not None for ref in trace.made):
        gc.collect()
    kept = [tensor for ref in trace.made if (tensor := ref()) is not None]
    if kept:
        raise TraceError(
            "CR402",
            f"{len(kept)} tensors made inside the compiled function were kept outside it (the "
            f"first has shape {tuple(kept[0].shape)}); they would not be made anew at the next "
            "call. Return them from the function instead",
        )


def call_key(tree: Any, arguments: list[Tensor], whole: bool = True) -> tuple:
    """What tells one situation of the arguments from another; not `whole`, without what a
    function may change: gradients and history."""
    described = []
    firsts: dict[int, int] = {}  # by id of the cell: the first tensor on it
    for position, tensor in enumerate(arguments):
        held = tensor._cell.array
        twin = firsts.setdefault(id(tensor._cell), position)
        described.append(
            (held.shape, held.dtype, tensor._requires_grad, whole and tensor._edge is None,
             whole and tensor._grad is not None, tensor._hook_functions(), twin)
        )  # fmt: skip
    modes = settings.grad_enabled.get(), settings.autocast.get(), settings.defaults.float_dtype
    return snapshot(tree), described, modes
