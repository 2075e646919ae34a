"""The code of windows: sums of what they see, and their largest elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule import dtypes
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.graph.nodes import WINDOW_MAX, WINDOW_SPREAD, Node
from chainrule.engines.native.graph.window_walks import Tap, Where
from chainrule.engines.native.pointwise.kinds import KINDS
from chainrule.ops.window import Fold, WindowSum, WindowSumTranspose

if TYPE_CHECKING:
    from chainrule.engines.native.code.emission import Emission


def seen_by_window(c: Emission, node: Node, taps: list[Tap], where: Where) -> Value:
    """What a window makes of the elements that it sees."""
    if node.op in (WindowSum, WindowSumTranspose, Fold):
        return _sum(c, node, taps, where)
    if node.op is WINDOW_SPREAD:
        return _spread(c, node, taps, where)
    return _largest(c, node, taps, where)


def _sum(c: Emission, node: Node, taps: list[Tap], where: Where) -> Value:
    total = None
    zero = c.number(0, node.dtype)
    for tap in taps:
        value = c.value(node.inputs[0], tap.index, (*where, *tap.where))
        value = c.choose(tap.where, value, zero) if tap.where else value
        total = value if total is None else c.e.add(total, value)
    total = zero if total is None else total
    return c.rounded(total, node.dtype) if node.dtype in dtypes.HALVES else total


def _spread(c: Emission, node: Node, taps: list[Tap], where: Where) -> Value:
    """Σ over the windows whose largest element this one is."""
    e, total = c.e, None
    places, g = node.inputs
    zero = c.number(0, node.dtype)
    for tap in taps:
        inside = (*where, *tap.where)
        place = c.value(places, tap.index, inside)
        here = e.compare("eq", place, c.position(tap.position, place.kind))
        condition = e.both(here, c.condition(tap.where))
        assert condition is not None
        value = e.select(condition, c.value(g, tap.index, inside), zero)
        total = value if total is None else e.add(total, value)
    return zero if total is None else total


def _largest(c: Emission, node: Node, taps: list[Tap], where: Where) -> Value:
    """The largest element, or its position; the first of equals, the last NaN."""
    e, (x,) = c.e, node.inputs
    best = place = any_seen = None
    for tap in taps:
        value = c.value(x, tap.index, (*where, *tap.where))
        here = None
        if node.op is not WINDOW_MAX:
            here = c.position(tap.position, KINDS[node.dtype])
        exists = c.condition(tap.where)
        if best is None:
            best, place, any_seen = value, here, exists
            continue
        better = _exceeds(e, value, best)
        if any_seen is not None:
            one = e.constant("i1", 1, any_seen.lanes)
            better = e.binary("or", better, e.binary("xor", any_seen, one))
            any_seen = None if exists is None else e.binary("or", any_seen, exists)
        better = better if exists is None else e.binary("and", better, exists)
        best = e.select(better, value, best)
        place = None if here is None or place is None else e.select(better, here, place)
    result = best if node.op is WINDOW_MAX else place
    assert result is not None
    return result


def _exceeds(e: Emitter, value: Value, best: Value) -> Value:
    if value.kind not in ("float", "double"):
        return e.compare("sgt", value, best)
    greater = e.compare("ogt", value, best)
    return e.binary("or", greater, e.compare("uno", value, value))
