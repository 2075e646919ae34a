"""Keep of a loop only the results that somebody reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ops.slicing import Slice
from chainrule.tensor.scan import Scan, layout


def narrow_loops(graph: Graph) -> Graph:
    """The graph whose loops do not store, at every step, what is not read afterwards.

    Comes after equal loops have been made one: two that differ in what is read of them are
    not equal any more.
    """
    readers: dict[Variable, list[Equation]] = defaultdict(list)
    for equation in graph.equations:
        for variable in set(equation.inputs):
            readers[variable].append(equation)
    changed: dict[Variable, Equation] = {}  # by the output of what was there before
    for equation in graph.equations:
        if equation.primitive is Scan and equation.output not in graph.outputs:
            changed |= _narrowed(equation, readers[equation.output])
    equations = [changed.get(e.output, e).with_bodies(narrow_loops) for e in graph.equations]
    return Graph(graph.inputs, graph.constants, equations, graph.outputs)


def _narrowed(loop: Equation, readers: list[Equation]) -> dict[Variable, Equation]:
    """The loop and the slices of its result, without the blocks that no slice is of."""
    body, states, length = (loop.params[name] for name in ("body", "states", "length"))
    if not all(e.primitive is Slice and e.params["slices"][0][2] == 1 for e in readers):
        return {}
    blocks = list(layout(body, states, length))
    ys = len(blocks) - states
    homes = [h for e in readers if (h := _home(blocks, *e.params["slices"][0][:2])) is not None]
    kept = [i for i in range(ys) if i in homes]
    if len(homes) < len(readers) or len(kept) == ys:
        return {}
    outputs = [*body.outputs[:states], *[body.outputs[states + i] for i in kept]]
    smaller = Graph(body.inputs, body.constants, body.equations, outputs)
    starts = [start for start, _, _ in layout(smaller, states, length)]
    moved = dict(zip([*kept, *range(ys, len(blocks))], starts, strict=True))
    shape = Scan.shape(body=smaller, states=states, length=length)
    packed = Variable(shape, loop.output.dtype)
    params = loop.params | {"body": smaller}
    changed = {loop.output: replace(loop, params=params, output=packed)}
    for equation, home in zip(readers, homes, strict=True):
        (start, stop, step), = equation.params["slices"]  # fmt: skip
        shift = moved[home] - blocks[home][0]
        params = {"slices": ((start + shift, stop + shift, step),)}
        changed[equation.output] = replace(equation, inputs=(packed,), params=params)
    return changed


def _home(blocks: list[tuple], start: int, stop: int) -> int | None:
    """The block in which a slice lies."""
    found = (i for i, (a, b, _) in enumerate(blocks) if a <= start and stop <= b)
    return next(found, None)
