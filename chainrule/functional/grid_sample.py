"""Images read at places given by a grid, such as rotated or warped ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.functional.pooling import constant
from chainrule.tensor.tensor import Tensor

PADDINGS = ("zeros", "border", "reflection")


class Taps(NamedTuple):
    """One element beside each place, along one axis: (n, *places)"""

    at: Tensor  # its position, not differentiated
    weight: Tensor


class Axis(NamedTuple):
    """An axis of the images."""

    size: int
    padding: str
    align_corners: bool


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The images read at the places of a grid

        y[n, c, i, j] = x[n, c, v, u]     with (u, v) = grid[n, i, j]

    where -1 and 1 are the ends of an axis, u is the last axis, and between elements the mode
    says what is read.

    Args:
        mode: "bilinear" (in volumes trilinear), "nearest", or "bicubic" (images only).
        padding_mode: what lies outside: "zeros", "border" (the last element goes on) or
            "reflection" (mirrored).
        align_corners: whether -1 and 1 are the centres of the first and last elements, or
            the edges of the image.

    Shapes:  input (n, c, h, w), grid (n, h', w', 2) → (n, c, h', w'); or (n, c, d, h, w) and
        (n, d', h', w', 3)
    Raises:  ArgumentError CR543; ShapeError CR543; DtypeError CR203, CR204.
    Notes:   a place that is NaN reads 0. With mode "nearest" the grid has no gradient.
    Source:  Jaderberg et al. 2015, "Spatial transformer networks", §3.3

    Example:
        >>> import chainrule as cr
        >>> image = cr.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> grid_sample(image, cr.tensor([[[[0.0, 0.0], [1.0, -1.0]]]]), align_corners=True)
        tensor([[[[2.5000, 2.0000]]]])
    """
    _check(input, grid, mode, padding_mode)
    axes = [Axis(n, padding_mode, bool(align_corners)) for n in input.shape[2:]]
    places = grid.unbind(-1)[::-1]  # in the order of the axes
    taps = [MODES[mode](_unscaled(p, axis), axis) for p, axis in zip(places, axes, strict=True)]
    rows = input.movedim(1, -1).reshape(-1, input.shape[1])  # (n · elements, c)
    first = np.arange(len(input)) * math.prod(input.shape[2:])
    first_of_image = Tensor._of(first).reshape(-1, *[1] * len(axes))
    total: Tensor | None = None
    for chosen in itertools.product(*taps):
        at, weight = _joined(chosen, input.shape[2:])
        term = rows[at + first_of_image] * weight.unsqueeze(-1)  # (n, *places, c)
        total = term if total is None else total + term
    assert total is not None
    return total.movedim(-1, 1)


def _joined(chosen: Sequence[Taps], sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The taps of all axes as one: a position in the flattened image, and its weight."""
    at, weight = chosen[0].at, chosen[0].weight
    for tap, size in zip(chosen[1:], sizes[1:], strict=True):
        at, weight = at * size + tap.at, weight * tap.weight
    return at, weight


def _unscaled(place: Tensor, axis: Axis) -> Tensor:
    """From [-1, 1] to the number of an element, between elements a fraction."""
    if axis.align_corners:
        return (place + 1) / 2 * (axis.size - 1)
    return ((place + 1) * axis.size - 1) / 2


def _inside(place: Tensor, axis: Axis) -> Tensor:
    """Places outside the image moved into it, as the padding says."""
    if axis.padding == "zeros":
        return place
    if axis.padding == "reflection":
        place = _reflected(place, axis)
    last = axis.size - 1
    within = (place > 0) & (place < last)
    return place.where(within, place.detach().clamp(0, last))  # the border has no slope


def _reflected(place: Tensor, axis: Axis) -> Tensor:
    """Places mirrored at the ends of the axis as often as it takes."""
    low = 0.0 if axis.align_corners else -0.5
    span = float(axis.size - 1 if axis.align_corners else axis.size)
    if span == 0:
        return place * 0
    distance = place - low
    distance = distance.where(distance >= 0, -distance)
    turns = (distance.detach() / span).floor()
    rest = distance - turns * span
    return rest.where(turns % 2 == 0, span - rest) + low


def _tap(at: Tensor, weight: Tensor, axis: Axis) -> Taps:
    """An element and its weight; outside the image the weight is 0."""
    outside = ~((at >= 0) & (at <= axis.size - 1))  # NaN is outside
    return Taps(at.masked_fill(outside, 0).long(), weight.masked_fill(outside, 0))


def _nearest(place: Tensor, axis: Axis) -> list[Taps]:
    at = _inside(place, axis).detach().round()
    return [_tap(at, at.new_ones(at.shape), axis)]


def _linear(place: Tensor, axis: Axis) -> list[Taps]:
    place = _inside(place, axis)
    low = place.detach().floor()
    part = place - low
    return [_tap(low, 1 - part, axis), _tap(low + 1, part, axis)]


def _cubic(place: Tensor, axis: Axis) -> list[Taps]:
    """Keys' cubic kernel with slope -3/4: the elements around are moved inside, not places."""
    low = place.detach().floor()
    part = place - low
    a = -0.75
    taps = []
    for offset in (-1, 0, 1, 2):
        d = part + 1 if offset == -1 else offset - part if offset > 0 else part
        if offset in (0, 1):
            weight = ((a + 2) * d - (a + 3)) * d * d + 1
        else:
            weight = (((d - 5) * d + 8) * d - 4) * a
        taps.append(_tap(_inside(low + offset, axis).round(), weight, axis))
    return taps


MODES: dict[str, Callable[[Tensor, Axis], list[Taps]]] = {
    "bilinear": _linear,
    "nearest": _nearest,
    "bicubic": _cubic,
}


def _check(input: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    spatial = input.ndim - 2
    if mode not in MODES or padding_mode not in PADDINGS or (mode, spatial) == ("bicubic", 3):
        raise ArgumentError(
            "CR543",
            f"grid_sample of {tuple(input.shape)} with mode={mode!r}, "
            f"padding_mode={padding_mode!r}: modes are {', '.join(MODES)} (bicubic for images "
            f"only), paddings {', '.join(PADDINGS)}",
        )
    fits = (
        spatial in (2, 3)
        and grid.ndim == input.ndim
        and (len(grid), grid.shape[-1]) == (len(input), spatial)
        and 0 not in input.shape[2:]
    )
    if not fits:
        raise ShapeError(
            "CR543",
            f"grid_sample of an input {tuple(input.shape)} at a grid {tuple(grid.shape)}: it "
            "takes images (n, c, h, w) with a grid (n, h', w', 2), or volumes (n, c, d, h, w) "
            "with a grid (n, d', h', w', 3)",
        )
    input._must_float("grid_sample")
    if input.dtype is not grid.dtype:
        raise DtypeError(
            "CR204",
            f"grid_sample of a {input.dtype} input at a {grid.dtype} grid: convert one of "
            f"them, grid.to({input.dtype})",
        )


def affine_grid(
    theta: Tensor, size: Sequence[int], align_corners: bool | None = None
) -> Tensor:
    """The grid for grid_sample that maps images by  (u', v') = A (u, v) + b

    Args:
        theta: (A | b) for each image.
        size: the shape of the result of grid_sample.
        align_corners: as there.

    Shapes:  theta (n, 2, 3), size (n, c, h, w) → (n, h, w, 2); or (n, 3, 4) and
        (n, c, d, h, w) → (n, d, h, w, 3)
    Raises:  ShapeError CR543; DtypeError CR203.

    Example:
        >>> import chainrule as cr
        >>> same = cr.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> affine_grid(same, (1, 1, 1, 2), align_corners=True)
        tensor([[[[-1.,  0.],
                  [ 1.,  0.]]]])
    """
    spatial = len(size) - 2
    expected = (size[0], spatial, spatial + 1) if spatial in (2, 3) else None
    if tuple(theta.shape) != expected or min(size) < 1:
        raise ShapeError(
            "CR543",
            f"affine_grid: theta {tuple(theta.shape)} for a result {tuple(size)}: it takes "
            "(n, 2, 3) for images (n, c, h, w) with elements, (n, 3, 4) for volumes "
            "(n, c, d, h, w)",
        )
    theta._must_float("affine_grid")
    ends = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in size[2:]]
    if not align_corners:
        ends = [places * (n - 1) / n for places, n in zip(ends, size[2:], strict=True)]
    places = np.stack([*np.meshgrid(*ends, indexing="ij")[::-1], np.ones(size[2:])], -1)
    flat = constant(places.reshape(-1, spatial + 1), theta)
    return (flat @ theta.mT).reshape(*size[:1], *size[2:], spatial)
