"""Windows over images, and other places that are found by dividing an index."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from chainrule import shapes
from chainrule.engines.native.emitter.affine import Affine, flat
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.graph.views import Index
from chainrule.ops.window import Fold

if TYPE_CHECKING:
    from chainrule.engines.native.graph.expression import Walk

Where = tuple[tuple[Affine, int, int], ...]


class Tap(NamedTuple):
    """One place in a window."""

    index: Index  # type: ignore[assignment]  # of the element that is seen
    where: Where  # whether it exists
    position: Affine  # in the flattened image


def outside_of(index: Index, limits: list[tuple[int, int]]) -> Where:
    """The conditions low ≤ form < high that are not always true."""
    return tuple([
        (form, low, high)
        for form, (low, high) in zip(index, limits, strict=True)
        if form.low < low or form.high >= high
    ])  # fmt: skip


def never(where: Where) -> bool:
    """Whether the conditions contradict the ranges."""
    return any(form.high < low or form.low >= high for form, low, high in where)


def divided(walk: Walk, form: Affine, divisor: int) -> tuple[Affine, Where]:
    """A quotient of numbers that may be negative, and that nothing is left over."""
    if divisor == 1:
        return form, ()
    # a multiple of the divisor is added so that what is divided is not negative
    lift = max(0, -(form.low // divisor))
    quotient, rest = walk.quotient(form + lift * divisor, divisor)
    exact = (rest.low, rest.high) == (0, 0)
    return quotient - lift, () if exact else ((rest, 0, 1),)


def windowed(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    """Elements seen by a window: of WindowArgmax, WINDOW_MAX and WindowSum."""
    x = node.inputs[0]
    spatial, p = x.shape[2:], node.params
    dilation = p.get("dilation", (1,) * len(spatial))
    taps = []
    for place in itertools.product(*map(range, p["kernel"])):
        forms = tuple([
            form * s + (t * d - before)
            for form, s, t, d, before in zip(
                index[2:], p["stride"], place, dilation, p["padding"], strict=True
            )
        ])  # fmt: skip
        inside = outside_of(forms, [(0, n) for n in spatial])
        if not never(inside):
            taps.append(Tap((*index[:2], *forms), inside, flat(forms, spatial)))
    return walk.window(node, taps, index, where)


def spread(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    """The windows that hold an element: of WINDOW_SPREAD, WindowSumTranspose and Fold."""
    p, spatial = node.params, index[2:]
    dilation = p.get("dilation", (1,) * len(spatial))
    windows = _count_of_windows(node, dilation)
    overlap = p["kernel"] != p["stride"] or any(p["padding"]) or set(dilation) != {1}
    anywhere: list[tuple[int | None, ...]] = [(None,) * len(spatial)]
    taps = []
    for place in itertools.product(*map(range, p["kernel"])) if overlap else anywhere:
        steps = zip(spatial, place, dilation, p["padding"], p["stride"], windows, strict=True)
        held = [_held(walk, *step) for step in steps]
        inside = tuple([condition for _, _, conditions in held for condition in conditions])
        if never(inside):
            continue
        forms = tuple([form for form, _, _ in held])
        seen = (*index[:2], *forms)
        if node.op is Fold:
            within = flat([place for _, place, _ in held], p["kernel"])
            column = index[1] * math.prod(p["kernel"]) + within
            seen = (index[0], column, flat(forms, windows))
        taps.append(Tap(seen, inside, flat(spatial, node.shape[2:])))
    return walk.window(node, taps, index, where)


def _count_of_windows(node: Node, dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Along each axis of the image."""
    if node.op is not Fold:
        return node.inputs[0].shape[2:]
    p = node.params
    steps = p["kernel"], p["stride"], p["padding"], dilation
    return tuple(map(shapes.windows, node.shape[2:], *steps))


def _held(
    walk: Walk, form: Affine, place: int | None, dilation: int, padding: int, stride: int,
    windows: int,
) -> tuple[Affine, Affine, Where]:  # fmt: skip
    """The window that holds an element along one axis, at which of its places, and whether
    there is one.

    Args: place: the place that is meant; None where windows do not overlap.
    """
    if place is None:
        window, within = walk.quotient(form, stride)
        return window, within, outside_of((window,), [(0, windows)])
    window, whole = divided(walk, form - (place * dilation - padding), stride)
    return window, Affine(place), (*whole, *outside_of((window,), [(0, windows)]))


def unfolded(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    """Unfold: the elements that windows see, zero outside the image."""
    (x,), p = node.inputs, node.params
    steps = p["kernel"], p["stride"], p["padding"], p["dilation"]
    windows = tuple(map(shapes.windows, x.shape[2:], *steps))
    channel, *place = parts(walk, index[1], (x.shape[1], *p["kernel"]))
    forms = tuple([
        m * s + t * d - before
        for m, t, s, before, d in zip(parts(walk, index[2], windows), place, *steps[1:])
    ])  # fmt: skip
    inside = outside_of(forms, [(0, n) for n in x.shape[2:]])
    outside = walk.number(0, node.dtype)
    if never(inside):
        return outside
    value = walk.value(x, (index[0], channel, *forms), (*where, *inside))
    return walk.choose(inside, value, outside) if inside else value


def parts(walk: Walk, position: Affine, shape: tuple[int, ...]) -> list[Affine]:
    """The index that has a row-major position."""
    index: list[Affine] = []
    for size in reversed(shape[1:]):
        position, rest = walk.quotient(position, size)
        index.insert(0, rest)
    return [position, *index]
