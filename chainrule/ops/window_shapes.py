"""Sizes of what convolution and pooling make, and the errors for windows that do not fit.

Images are (n, channels, *spatial); sizes of a window are tuples with one number for each
spatial axis.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.shapes import Shape


@functools.lru_cache(1024)
def convolution_shape(
    x: Shape, w: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Shape:
    """(n, c, *spatial) and (o, c / groups, *kernel) give (n, o, *windows).

    Raises: ShapeError CR110 (axes), CR115 (channels), CR116 (the kernel does not fit);
    ArgumentError CR117 (a kernel of size 0).
    """
    _check_axes(x, len(w) - 2)
    _check_groups(w[0], groups, w)
    if x[1] != w[1] * groups:
        raise ShapeError(
            "CR115",
            f"convolution of an input {x} with weights {w}: {groups} group(s) of {w[1]} "
            f"channels expect {w[1] * groups} input channels, the input has {x[1]}; the axes "
            "of an image are (n, channels, *spatial)",
        )
    windows = map(shapes.windows, x[2:], w[2:], stride, padding, dilation)
    return (x[0], w[0], *_checked_windows(tuple(windows), x, w[2:], padding, dilation))


@functools.lru_cache(1024)
def transposed_shape(
    dy: Shape,
    w: Shape,
    stride: Shape,
    padding: Shape,
    output_padding: Shape,
    dilation: Shape,
    groups: int,
) -> Shape:
    """(n, o, *windows) and (o, c / groups, *kernel) give (n, c, *spatial).

    Raises: ShapeError CR110 (axes), CR115 (channels), CR116 (nothing left);
    ArgumentError CR117, CR119.
    """
    _check_axes(dy, len(w) - 2)
    _check_groups(w[0], groups, w)
    if dy[1] != w[0]:
        raise ShapeError(
            "CR115",
            f"transposed convolution of an input {dy} with weights {w}: the weights expect "
            f"{w[0]} input channels, the input has {dy[1]}; transposed weights are "
            "(in channels, out channels / groups, *kernel)",
        )
    if any(e >= max(s, d) for e, s, d in zip(output_padding, stride, dilation, strict=True)):
        raise ArgumentError(
            "CR119",
            f"output_padding {output_padding} must be smaller than the stride {stride} or the "
            f"dilation {dilation}: it picks one of the sizes that have the same windows",
        )
    axes = zip(dy[2:], w[2:], stride, padding, output_padding, dilation, strict=True)
    spatial = tuple([(m - 1) * s + d * (k - 1) + 1 - 2 * p + e for m, k, s, p, e, d in axes])
    if min(spatial) < 1:
        raise ShapeError(
            "CR116",
            f"transposed convolution of an input {dy} with weights {w} and padding {padding} "
            f"would give axes of {spatial}; make the padding smaller",
        )
    return (dy[0], w[1] * groups, *spatial)


@functools.lru_cache(1024)
def pooling_shape(
    x: Shape,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape | None = None,
    ceil_mode: bool = False,
) -> Shape:
    """(n, c, *spatial) gives (n, c, *windows); with `ceil_mode` a last window may stand out.

    Raises: ShapeError CR110 (axes), CR116 (the window does not fit); ArgumentError CR118.
    """
    _check_axes(x, len(kernel))
    dilation = dilation or (1,) * len(kernel)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise ArgumentError(
            "CR118",
            f"pooling windows of {kernel} with padding {padding}: the padding may be half the "
            "window at most, or windows would see padding alone",
        )
    axes = list(zip(x[2:], kernel, stride, padding, dilation, strict=True))
    windows = tuple([_windows(ceil_mode, *axis) for axis in axes])
    if any(map(_misses, windows, axes)):
        windows = (0,) * len(kernel)
    return (*x[:2], *_checked_windows(windows, x, kernel, padding, dilation))


def _windows(
    ceil_mode: bool, size: int, kernel: int, stride: int, padding: int, dilation: int
) -> int:
    """The windows along an axis; one that starts behind the last element does not count."""
    reach = size + (stride - 1 if ceil_mode else 0)
    count = shapes.windows(reach, kernel, stride, padding, dilation)
    return count - (ceil_mode and (count - 1) * stride >= size + padding)


def _misses(windows: int, axis: Shape) -> bool:
    """A window steps over all elements: one tap before them, the next one behind."""
    size, _, stride, padding, dilation = axis
    starts_outside = range(-padding, min(0, windows * stride - padding), stride)
    return any(start % dilation >= size for start in starts_outside)


def columns_shape(
    x: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> Shape:
    """(n, c, *spatial) gives (n, c · taps, windows).

    Raises: ShapeError CR110 (axes), CR116 (the window does not fit).
    """
    _check_axes(x, len(kernel))
    windows = tuple(map(shapes.windows, x[2:], kernel, stride, padding, dilation))
    count = math.prod(_checked_windows(windows, x, kernel, padding, dilation))
    return (x[0], x[1] * math.prod(kernel), count)


def check_columns(
    x: Shape, spatial: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> None:
    """Raises ShapeError (CR544) unless x holds the windows of (n, c, *spatial) as columns."""
    taps = math.prod(kernel)
    windows = tuple(map(shapes.windows, spatial, kernel, stride, padding, dilation))
    columns = math.prod(windows) if min(windows) > 0 else 0
    if len(x) != 3 or x[1] % taps or not columns or x[2] != columns:
        raise ShapeError(
            "CR544",
            f"an output of {spatial} has {columns} windows of {kernel}, so that fold takes "
            f"columns (n, channels · {taps}, {columns}), got {x}",
        )


def _check_axes(x: Shape, spatial: int) -> None:
    if spatial < 1:
        raise ShapeError(
            "CR110",
            "a window needs at least one axis: the weights of a convolution are "
            "(out channels, in channels / groups, *kernel)",
        )
    if len(x) != spatial + 2:
        raise ShapeError(
            "CR110",
            f"a window with {spatial} axes needs an input (n, channels, *spatial) with "
            f"{spatial + 2} axes, got {x}"
            + ("; x.unsqueeze(0) adds the axis of the batch" if len(x) == spatial + 1 else ""),
        )


def _check_groups(channels: int, groups: int, w: Shape) -> None:
    if 0 in w[2:]:
        raise ArgumentError(
            "CR117",
            f"a kernel of size {w[2:]} sees nothing; kernel_size is at least 1 on each axis",
        )
    if groups < 1 or channels % groups:
        raise ShapeError(
            "CR115",
            f"the {channels} channels on the first axis of the weights {w} cannot be divided "
            f"into groups={groups}",
        )


def _checked_windows(
    windows: Shape, x: Shape, kernel: Shape, padding: Shape, dilation: Shape
) -> Shape:
    if min(windows) < 1:
        raise ShapeError(
            "CR116",
            f"a window of {kernel} with dilation {dilation} does not fit into an input {x} "
            f"with padding {padding}; make the kernel smaller or the padding larger, or pool "
            "less before",
        )
    return windows


def window_counts(
    spatial: Shape,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    ceil_mode: bool,
    count_include_pad: bool,
) -> np.ndarray:
    """How many elements each window holds, the padding among them or not: (*windows)"""
    counts = []
    for size, k, s, p in zip(spatial, kernel, stride, padding, strict=True):
        start = np.arange(_windows(ceil_mode, size, k, s, p, 1)) * s - p
        stop = np.minimum(start + k, size + p)
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, size)
        counts.append(stop - start)
    return functools.reduce(np.multiply.outer, counts)
