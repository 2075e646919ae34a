"""Pooling: each window of an image replaced by one number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.functional.spatial import Sizes, batched, per_axis
from chainrule.ops.window_shapes import window_counts
from chainrule.tensor.tensor import Tensor


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of a signal; see max_pool2d."""
    return max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window  y[n, c, i, j] = max_{u, v} x[n, c, s i + d u - p, …].

    Args:
        stride: from window to window; the size of the window if None.
        padding: elements lower than all others on each side, half a window at most.
        ceil_mode: whether a last window may stand out behind the image.
        return_indices: also where the largest elements are, in the flattened image.

    Shapes:  input (n, c, h, w) or (c, h, w)
    Raises:  ShapeError CR110, CR116; ArgumentError CR117, CR118.

    Example:
        >>> import chainrule as cr
        >>> max_pool2d(cr.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """
    return max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of a volume; see max_pool2d."""
    return max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool1d, and where its elements are."""
    return max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool2d, and where its elements are in the flattened image."""
    return max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool3d, and where its elements are in the flattened volume."""
    return max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool(
    spatial: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """The largest elements over `spatial` axes; max_pool2d says of what."""
    kernel = per_axis(kernel_size, spatial)
    images = batched(input, spatial)
    steps = kernel if stride is None else stride
    index = images.window_argmax(kernel, steps, padding, dilation, ceil_mode)
    return elements(input, images, index, return_indices)


def elements(input: Tensor, images: Tensor, index: Tensor, return_indices: bool) -> Any:
    """The elements of the flattened images at `index`, without the batch axis if none was."""
    y = images.flatten(2).gather(2, index.flatten(2)).reshape(index.shape)
    if images is not input:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of a signal; see avg_pool2d."""
    return avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window  y[n, c, i, j] = Σ_{u, v} x[n, c, s i + u - p, s j + v - p] / m.

    Args:
        stride: from window to window; the size of the window if None.
        count_include_pad: whether the zeros of the padding count in the number m of
            elements; places behind the padding, where ceil_mode looks, never do.
        divisor_override: another m.

    Shapes:  input (n, c, h, w) or (c, h, w)
    Raises:  ShapeError CR110, CR116; ArgumentError CR117, CR118, CR524 (a divisor of 0).

    Example:
        >>> import chainrule as cr
        >>> avg_pool2d(cr.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 2.5000,  4.5000],
                 [10.5000, 12.5000]]])
    """
    return avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of a volume; see avg_pool2d."""
    return avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool(
    spatial: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    """The means over `spatial` axes; avg_pool2d says of what."""
    if divisor == 0:
        raise ArgumentError("CR524", f"avg_pool{spatial}d: divisor_override must not be 0")
    kernel, borders = per_axis(kernel_size, spatial), per_axis(padding, spatial)
    steps = kernel if stride is None else per_axis(stride, spatial)
    images = batched(input, spatial)
    totals = images.window_sum(kernel, steps, borders, ceil_mode)
    all_full = not ceil_mode and (count_include_pad or not any(borders))
    if all_full or divisor is not None:
        y = totals / (divisor or math.prod(kernel))
    else:
        sizes = tuple(images.shape[2:])
        counts = window_counts(sizes, kernel, steps, borders, ceil_mode, count_include_pad)
        y = totals / constant(counts, input)
    return y if images is input else y.squeeze(0)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of a signal; see lp_pool2d."""
    return lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window  y = (Σ xᵖ)^(1/p); ∞ gives the largest |x|, 1 the sum.

    Args:    norm_type: p, not 0.
    Notes:   the powers are of x, not of |x|: an odd p is for inputs from 0. A window that
        stands out (ceil_mode) counts as if it were full, by its mean.
    Raises:  ArgumentError CR524 (a p of 0), CR117; ShapeError CR110, CR116.

    Example:
        >>> import chainrule as cr
        >>> lp_pool2d(cr.tensor([[[3.0, 4.0], [0.0, 0.0]]]), 2, 2)
        tensor([[[5.]]])
    """
    return lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window of a volume; see lp_pool2d."""
    return lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool(
    spatial: int,
    input: Tensor,
    p: float,
    kernel_size: Sizes,
    stride: Sizes | None,
    ceil_mode: bool,
) -> Tensor:
    """The norms over `spatial` axes; lp_pool2d says what they are."""
    if p == 0:
        raise ArgumentError("CR524", f"lp_pool{spatial}d: norm_type must not be 0")
    if p == math.inf:
        return max_pool(spatial, input.abs(), kernel_size, stride, 0, 1, ceil_mode, False)
    powers = input if p == 1 else input.pow(p)
    count = math.prod(per_axis(kernel_size, spatial))
    totals = avg_pool(spatial, powers, kernel_size, stride, 0, ceil_mode, True, None) * count
    if p == 1:
        return totals
    zero = totals == 0  # the root has no slope there; 0 is taken
    return totals.masked_fill(zero, 1).pow(1 / p).masked_fill(zero, 0)


def constant(numbers: np.ndarray, like: Tensor) -> Tensor:
    """Numbers that follow from shapes alone, in the type of a tensor."""
    return Tensor._of(numbers).to(like.dtype)
