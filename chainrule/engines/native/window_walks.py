"""Windows over images, and other places that are found by dividing an index."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from chainrule import shapes
from chainrule.engines.native.affine import Affine, flat
from chainrule.engines.native.nodes import Node
from chainrule.engines.native.views import Index
from chainrule.ops.window import Fold

if TYPE_CHECKING:
    from chainrule.engines.native.expression import Walk

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
    p = node.params
    dilation = p.get("dilation", (1,) * len(p["kernel"]))
    steps = p["kernel"], p["stride"], p["padding"], dilation
    windows = node.inputs[0].shape[2:]
    if node.op is Fold:
        windows = tuple(map(shapes.windows, node.shape[2:], *steps))
    taps = []
    overlap = p["kernel"] != p["stride"] or any(p["padding"]) or set(dilation) != {1}
    for place in itertools.product(*map(range, p["kernel"])) if overlap else [None]:
        forms: list[Affine] = []
        inside: list[tuple[Affine, int, int]] = []
        within: list[Affine] = []
        for i, form in enumerate(index[2:]):
            if place is None:
                quotient, rest = walk.quotient(form, p["stride"][i])
                within.append(rest)
            else:
                at = place[i] * dilation[i] - p["padding"][i]
                quotient, condition = divided(walk, form - at, p["stride"][i])
                inside += condition
                within.append(Affine(place[i]))
            forms.append(quotient)
            inside += outside_of((quotient,), [(0, windows[i])])
        if never(tuple(inside)):
            continue
        seen = (*index[:2], *forms)
        if node.op is Fold:
            column = index[1] * math.prod(p["kernel"]) + flat(within, p["kernel"])
            seen = (index[0], column, flat(forms, windows))
        taps.append(Tap(seen, tuple(inside), flat(index[2:], node.shape[2:])))
    return walk.window(node, taps, index, where)


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
