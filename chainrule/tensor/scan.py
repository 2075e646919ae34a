"""Loops over time as one equation, whose body is a graph of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule import settings
from chainrule.ir.graph import Graph, Variable
from chainrule.ops.primitive import Primitive
from chainrule.tensor import tape, trace
from chainrule.tensor.body import BodyTrace, NotRepeatable
from chainrule.tensor.grad_mode import enable_grad
from chainrule.tensor.tensor import Tensor


class Scan(Primitive):
    """The loop over time  s₁, …, y₁, … = body(s₁, …, x₁[t], …, w₁, …).

    Shapes:  the first s (any), the xs (length, …), the ws (any) → (m,), one after another the
        block of each y, (length, …), and of each last s, as `layout` says
    Args:    states, sequences: how many of the inputs are s, and x; the rest are w
        reverse: start at the last time
    Notes:   there is a state, and its element type is that of all s and y. Each block is
        contiguous memory, to be written step by step.
    """

    widens_halves = False

    def forward(*xs, body, states, sequences, length, reverse):
        now, columns, fixed = parted(xs, states, sequences)
        step = _program(body)
        y = np.empty(Scan.shape(body=body, states=states, length=length), xs[0].dtype)
        blocks = [y[a:b].reshape(shape) for a, b, shape in layout(body, states, length)]
        ys, last = blocks[:-states], blocks[-states:]
        for t in reversed(range(length)) if reverse else range(length):
            found = step([*now, *[x[t, ...] for x in columns], *fixed])
            now = found[:states]
            for block, value in zip(ys, found[states:], strict=True):
                block[t] = value
        for block, value in zip(last, now, strict=True):
            block[...] = value
        return y

    def shape(*xs, body, states, sequences=0, length, reverse=False):
        *_, (_, end, _) = layout(body, states, length)
        return (end,)

    def vjp_xs(g, xs, index, body, states, sequences, length, reverse):
        """The loop back through time, from the states that the steps started from."""
        starts, columns, fixed = parted(xs, states, sequences)
        kept = Graph(body.inputs, body.constants, body.equations, [])
        kept.outputs = [*body.outputs[:states], *body.inputs[:states]]
        before, _ = looped(kept, starts, columns, fixed, length, reverse)
        dys, last = unpacked(g, body, states, length)
        backwards = _pulled(body, states, sequences)
        sums = [w.zeros_like() for w in fixed if _alike(w, g)]
        given = [*dys, *before, *columns]
        dxs, firsts = looped(backwards, [*last, *sums], given, fixed, length, not reverse)
        found = iter([*firsts[:states], *dxs, *firsts[states:]])
        cotangents = [next(found) if _alike(x, g) else None for x in xs]
        return cotangents[index]


def layout(body: Graph, states: int, length: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Where each y of all times and then each last state begins and ends, and its shape."""
    start = 0
    for i, variable in enumerate([*body.outputs[states:], *body.outputs[:states]]):
        is_state = i >= len(body.outputs) - states
        shape = variable.shape if is_state else (length, *variable.shape)
        yield start, start + math.prod(shape), shape
        start += math.prod(shape)


def parted(xs: Sequence[Any], states: int, sequences: int) -> tuple[Any, Any, Any]:
    """The inputs: first states, sequences, and what is the same at all times."""
    end = states + sequences
    return xs[:states], xs[states:end], xs[end:]


def unpacked(
    y: Tensor, body: Graph, states: int, length: int
) -> tuple[list[Tensor], list[Tensor]]:
    """The ys of all times, and the last states."""
    blocks = [
        y.narrow(0, start, end - start).reshape(shape)
        for start, end, shape in layout(body, states, length)
    ]
    return blocks[:-states], blocks[-states:]


def looped(
    body: Graph,
    states: Sequence[Tensor],
    columns: Sequence[Tensor],
    fixed: Sequence[Tensor],
    length: int,
    reverse: bool,
) -> tuple[list[Tensor], list[Tensor]]:
    """The ys of all times, and the last states, of the loop with this body."""
    counts = {"states": len(states), "sequences": len(columns), "length": length}
    y = Tensor._apply(Scan, *states, *columns, *fixed, body=body, **counts, reverse=reverse)
    return unpacked(y, body, len(states), length)


def scanned(
    step: Callable,
    states: Sequence[Tensor],
    columns: Sequence[Tensor],
    length: int,
    reverse: bool,
) -> tuple[list[Tensor], list[Tensor]] | None:
    """The loop  states, ys = step(states, xs)  as one equation of the trace that is current.

    Returns: the ys of all times and the last states; None where the steps cannot be one body:
        they write to tensors outside them (such as the state of a random generator), change
        the type or shape of a state, or mix types; or where a derivative of the equation would
        not be that of the steps: they hide parts from it, or some result has nothing to do
        with an input that requires a gradient
    Notes:   a step does the same at all times; what Python does in it happens once.
    """
    body = BodyTrace(trace.current.get())
    now = [body.new_input(tuple(s.shape), s._cell.array.dtype) for s in states]
    at_t = [body.new_input(tuple(x.shape[1:]), x._cell.array.dtype) for x in columns]
    try:
        with trace.active(body):
            after, ys = step(now, at_t)
            body.finish([*after, *ys])
    except NotRepeatable:
        return None
    if not _repeats(body.graph, len(states)):
        return None
    inputs = [*states, *columns, *body.fixed]
    leading = {i for i, x in enumerate(inputs) if x._requires_grad}
    if settings.grad_enabled.get() and leading:
        kind = states[0]._cell.array.dtype
        if body.hides or not all(_of(inputs[i], kind) for i in leading):
            return None
        if not all(leading <= found for found in _reach(body.graph, len(states), length)):
            return None
    return looped(body.graph, states, columns, body.fixed, length, reverse)


def _repeats(body: Graph, states: int) -> bool:
    """Whether each state is what it was before in kind, and all is of one type."""
    before, after = body.inputs[:states], body.outputs[:states]
    return all(a.shape == b.shape for a, b in zip(before, after, strict=True)) and all(
        v.dtype == before[0].dtype for v in (*before, *body.outputs)
    )


def _reach(body: Graph, states: int, length: int) -> list[set[int]]:
    """For each result of the loop the inputs to which its derivative leads."""
    steps: dict[Variable, set[int]] = {v: {i} for i, v in enumerate(body.inputs)}
    for e in body.equations:
        kind = e.primitive
        rules = kind.rules_for(len(e.inputs)) if kind.rest else kind.rules
        ways = [steps.get(v, set()) for v, rule in zip(e.inputs, rules, strict=True) if rule]
        steps[e.output] = set().union(*ways) if e.output.dtype.kind in "fV" else set()
    found = [{i} for i in range(states)] + [set() for _ in body.outputs[states:]]
    for _ in range(length):
        ways = [steps.get(v, set()) for v in body.outputs]
        after = [set().union(*[found[i] if i < states else {i} for i in way]) for way in ways]
        after[states:] = [a | b for a, b in zip(after[states:], found[states:], strict=True)]
        if after == found:
            break
        found = after
    return found


def _of(x: Tensor, kind: np.dtype) -> bool:
    return x._cell.array.dtype == kind


def _alike(x: Tensor, y: Tensor) -> bool:
    """Whether they have one element type: the inputs for which there are cotangents."""
    return _of(x, y._cell.array.dtype)


def _program(body: Graph) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """The body as a function of arrays."""
    slots = {v: i for i, v in enumerate(body.variables())}
    outputs = [slots[v] for v in body.outputs]
    equations = [
        (e.primitive.evaluate, [slots[v] for v in e.inputs], e.params) for e in body.equations
    ]

    def step(inputs: list[np.ndarray]) -> list[np.ndarray]:
        values = [*inputs, *body.constants.values()]
        for evaluate, arguments, params in equations:
            values.append(evaluate(tuple([values[i] for i in arguments]), params))
        return [values[i] for i in outputs]

    return step


def _replayed(body: Graph, inputs: list[Tensor]) -> list[Tensor]:
    """The outputs of the body for tensors, with their history."""
    values = dict(zip(body.inputs, inputs, strict=True))
    values |= {v: Tensor._of(array) for v, array in body.constants.items()}
    for equation in body.equations:
        arguments = [values[v] for v in equation.inputs]
        values[equation.output] = Tensor._apply(
            equation.primitive, *arguments, **equation.params
        )
    return [values[v] for v in body.outputs]


def _pulled(body: Graph, states: int, sequences: int) -> Graph:
    """One step back: from the cotangents of the states after a step, and of its ys, to those
    before it and of its xs; what reaches the ws is added up in more states.

    Inputs: cotangents of the states, sums of the ws; cotangents of the ys, states before,
        xs; ws
    """
    writing = BodyTrace()

    def new(like: Sequence[Any]) -> list[Tensor]:
        return [writing.new_input(v.shape, v.dtype) for v in like]

    own = parted(body.inputs, states, sequences)
    kind = body.inputs[0].dtype
    after = new(body.outputs[:states])
    sums = new([w for w in own[2] if w.dtype == kind])
    dys = new(body.outputs[states:])
    values = new(body.inputs)
    with trace.active(writing), enable_grad():
        leaves = [x.requires_grad_() for x in values if _of(x, kind)]
        ends = _replayed(body, values)
        pairs = zip(ends, [*after, *dys], strict=True)
        roots = [(tape.edge_of(y), g) for y, g in pairs if y._requires_grad]
        targets: list[Any] = list(leaves)
        found = tape.backward(roots, retain_graph=False, create_graph=False, targets=targets)
        cotangents = [found[x] if x in found else x.detach().zeros_like() for x in leaves]
        befores = len(cotangents) - len(sums)
        totals = [s + d for s, d in zip(sums, cotangents[befores:], strict=True)]
        writing.finish([*cotangents[:states], *totals, *cotangents[states:befores]])
    return writing.graph
