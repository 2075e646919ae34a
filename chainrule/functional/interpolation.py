"""Interpolation: images at another size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.adaptive_pooling import adaptive_avg_pool
from chainrule.functional.spatial import Sizes, repeated
from chainrule.ops.resampling import Resample
from chainrule.ops.resampling_kernels import Resampling
from chainrule.tensor.tensor import Tensor

Scales = float | Sequence[float]

#: how each axis is resampled, and for how many spatial axes the name is used
MODES = {
    "nearest": ("nearest", (1, 2, 3)),
    "nearest-exact": ("nearest-exact", (1, 2, 3)),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "trilinear": ("linear", (3,)),
    "bicubic": ("cubic", (2,)),
    "lanczos": ("lanczos", (2,)),
    "area": ("area", (1, 2, 3)),
}
ALIGNABLE = ("linear", "bilinear", "bicubic", "trilinear")
ANTIALIASED = ("bilinear", "bicubic", "lanczos")


def interpolate(
    input: Tensor,
    size: Sizes | None = None,
    scale_factor: Scales | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Signals, images or volumes at another size, one axis after the other:

        y[i] = Σ_j k(c_i - j) x[j]     with c_i = (i + ½) n / m - ½

    where n elements become m, and k is the kernel of the mode.

    Args:
        size: the new size, a number for all spatial axes or one for each.
        scale_factor: or how many times as large, rounded down to whole elements.
        mode: "nearest" (elements repeated), "nearest-exact" (the same, by their centres),
            "linear", "bilinear", "trilinear" (1, 2, 3 axes), "bicubic", "area" (means of
            parts), "lanczos" (with antialias).
        align_corners: whether the first and last elements stay first and last, c_i =
            i (n - 1) / (m - 1), instead of the outer edges.
        recompute_scale_factor: take n / m from the rounded sizes, not from scale_factor.
        antialias: widen the kernel where an image shrinks ("bilinear", "bicubic", "lanczos").

    Shapes:  (n, c, *spatial) with 1, 2 or 3 spatial axes
    Raises:  ArgumentError CR542; ShapeError CR110; DtypeError CR203.
    Notes:   uint8 images come back as uint8, rounded.
    Source:  Keys 1981, "Cubic convolution interpolation for digital image processing"

    Example:
        >>> import chainrule as cr
        >>> interpolate(cr.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
        tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    _check_mode(input, mode, align_corners, antialias)
    sizes, scales = _sizes(input, size, scale_factor, bool(recompute_scale_factor))
    kind, _ = MODES[mode]
    if kind == "area":
        return adaptive_avg_pool(len(sizes), input, sizes)
    if not kind.startswith("nearest"):
        if input.dtype.name == "uint8":
            y = interpolate(input.float(), sizes, None, mode, align_corners, None, antialias)
            return (y + 0.5).floor().clamp(0, 255).to(input.dtype)
        input._must_float(f"interpolate(mode={mode!r})")
    for axis, (m, scale) in enumerate(zip(sizes, scales, strict=True), 2):
        n = input.shape[axis]
        if (mode, input.ndim) == ("nearest", 4) and m in (n, 2 * n):
            scale = None  # images that keep or double a size do so evenly
        how = _resampling(kind, n, m, scale, bool(align_corners), antialias)
        if how is not None:
            input = input._apply(Resample, input, how=how, axis=axis)
    return input


def _resampling(
    kind: str, n: int, m: int, scale: float | None, align_corners: bool, antialias: bool
) -> Resampling | None:
    """How n elements become m; None where they stay as they are."""
    ratio = 1 / scale if scale else n / m
    if align_corners:
        ratio = (n - 1) / (m - 1) if m > 1 else 0.0
    if n == m and (ratio == 1 or antialias or kind == "linear"):
        return None
    return Resampling(kind, n, m, ratio, align_corners, antialias)


def _sizes(
    input: Tensor, size: Sizes | None, scale_factor: Scales | None, recompute: bool
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size of each spatial axis, and by which factor, if that is to be used."""
    old = input.shape[2:]
    if (size is None) == (scale_factor is None) or (recompute and size is not None):
        raise ArgumentError(
            "CR542",
            f"interpolate: size={size}, scale_factor={scale_factor}: give one of them (and "
            "recompute_scale_factor only with a scale_factor)",
        )
    scales = repeated(scale_factor, len(old))
    sizes = repeated(size, len(old))
    if scale_factor is not None:
        sizes = tuple([math.floor(n * scale) for n, scale in zip(old, scales, strict=False)])
    whole = all(isinstance(n, (int, np.integer)) and n >= 1 for n in (*sizes, *old))
    if not len(sizes) == len(scales) == len(old) or not whole:
        raise ArgumentError(
            "CR542",
            f"interpolate of {tuple(input.shape)} to size={size}, scale_factor={scale_factor}: "
            f"expected one number, or one for each of the {len(old)} spatial axes, that leaves "
            "whole elements on every axis",
        )
    return tuple(map(int, sizes)), (None,) * len(old) if recompute else scales


def _check_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in MODES:
        raise ArgumentError(
            "CR542", f"interpolate: mode={mode!r}; choose from {', '.join(MODES)}"
        )
    _, spatial = MODES[mode]
    if input.ndim - 2 not in spatial:
        axes = " or ".join(str(count + 2) for count in spatial)
        raise ShapeError(
            "CR110",
            f"interpolate(mode={mode!r}) takes (n, channels, *spatial) with {axes} axes, got "
            f"{tuple(input.shape)}",
        )
    if align_corners is not None and mode not in ALIGNABLE:
        raise ArgumentError(
            "CR542",
            f"interpolate(mode={mode!r}) has no align_corners; {', '.join(ALIGNABLE)} have",
        )
    if antialias != (mode == "lanczos") and mode not in ANTIALIASED[:2]:
        raise ArgumentError(
            "CR542",
            f"interpolate(mode={mode!r}, antialias={antialias}): bilinear and bicubic can be "
            "antialiased, lanczos always is, antialias=True",
        )


def upsample(
    input: Tensor,
    size: Sizes | None = None,
    scale_factor: Scales | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The former name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: Sizes | None = None, scale_factor: Scales | None = None
) -> Tensor:
    """`interpolate` with mode "nearest"."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(
    input: Tensor, size: Sizes | None = None, scale_factor: Scales | None = None
) -> Tensor:
    """`interpolate` with mode "bilinear" and align_corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)
