"""Pooling: each window of an image replaced by one number."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.convolution import Sizes, per_axis
from chainrule.ops.window_shapes import window_counts
from chainrule.tensor.tensor import Tensor

OutputSizes = int | None | Sequence[int | None]


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
    return _max_pool(
        1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


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
    return _max_pool(
        2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


def _max_pool(
    spatial: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    kernel = per_axis(kernel_size, spatial)
    images = _batched(input, spatial)
    steps = kernel if stride is None else stride
    index = images.window_argmax(kernel, steps, padding, dilation, ceil_mode)
    return _elements(input, images, index, return_indices)


def _elements(input: Tensor, images: Tensor, index: Tensor, return_indices: bool) -> Any:
    """The elements of the flattened images at `index`, without the batch axis if none was."""
    y = images.flatten(2).gather(2, index.flatten(2)).reshape(index.shape)
    if images is not input:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def _batched(input: Tensor, spatial: int) -> Tensor:
    """The input with an axis for the batch, if it came without."""
    return input.unsqueeze(0) if input.ndim == spatial + 1 else input


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of a signal; see avg_pool2d."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


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
    if divisor_override == 0:
        raise ArgumentError("CR524", "avg_pool2d: divisor_override must not be 0")
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _avg_pool(
    spatial: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    kernel, borders = per_axis(kernel_size, spatial), per_axis(padding, spatial)
    steps = kernel if stride is None else per_axis(stride, spatial)
    images = _batched(input, spatial)
    totals = images.window_sum(kernel, steps, borders, ceil_mode)
    all_full = not ceil_mode and (count_include_pad or not any(borders))
    if all_full or divisor is not None:
        y = totals / (divisor or math.prod(kernel))
    else:
        sizes = tuple(images.shape[2:])
        counts = window_counts(sizes, kernel, steps, borders, ceil_mode, count_include_pad)
        y = totals / _constant(counts, input)
    return y if images is input else y.squeeze(0)


def adaptive_avg_pool1d(input: Tensor, output_size: OutputSizes) -> Tensor:
    """The means of `output_size` parts of a signal; see adaptive_avg_pool2d."""
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: OutputSizes) -> Tensor:
    """The means of output_size parts along each axis: part i from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉.

    Args:    output_size: m for both axes or for each; None keeps the size of an axis.
    Shapes:  input (n, c, h, w) or (c, h, w)
    Raises:  ShapeError CR110; ArgumentError CR524.

    Example:
        >>> import chainrule as cr
        >>> adaptive_avg_pool2d(cr.arange(16.0).reshape(1, 4, 4), 1)
        tensor([[[7.5000]]])
    """
    return _adaptive_avg_pool(2, input, output_size)


def _adaptive_avg_pool(spatial: int, input: Tensor, output_size: OutputSizes) -> Tensor:
    sizes = _output_sizes(spatial, input, output_size)
    y = input
    for dim, size in enumerate(sizes, -spatial):
        y = _part_means(y, dim, size)
    return y


def _part_means(x: Tensor, dim: int, parts: int) -> Tensor:
    """The mean of each part of an axis: parts of equal size, or a matrix product."""
    size = x.shape[dim]
    if size == parts:
        return x
    if size % parts == 0:
        return x.unflatten(dim, (parts, size // parts)).mean(dim)
    means = np.zeros((size, parts))
    for i, (start, stop) in enumerate(_parts(size, parts)):
        means[start:stop, i] = 1 / (stop - start)
    return (x.transpose(dim, -1) @ _constant(means, x)).transpose(dim, -1)


def adaptive_max_pool1d(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> Any:
    """The largest elements of `output_size` parts of a signal; see adaptive_max_pool2d."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> Any:
    """The largest element of each part, the parts as in adaptive_avg_pool2d.

    Args:    return_indices: also where they are, in the flattened image.
    Shapes:  input (n, c, h, w) or (c, h, w)
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def _adaptive_max_pool(
    spatial: int, input: Tensor, output_size: OutputSizes, return_indices: bool
) -> Any:
    sizes = _output_sizes(spatial, input, output_size)
    images = _batched(input, spatial)
    positions = Tensor._of(_part_positions(tuple(images.shape[2:]), sizes))
    candidates = images.detach().flatten(2)[:, :, positions]  # (n, c, parts, candidates)
    index = positions.gather(1, candidates.argmax(-1).flatten(0, 1).T).T
    return _elements(input, images, index.reshape(*images.shape[:2], *sizes), return_indices)


@functools.lru_cache(128)
def _part_positions(spatial: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """For each part the places of its elements in the flattened image: (parts, elements)

    Parts have unequal sizes; the smaller ones repeat their last element.
    """
    axes = []
    for size, parts in zip(spatial, sizes, strict=True):
        bounds = _parts(size, parts)
        longest = max(stop - start for start, stop in bounds)
        axes.append([[min(a + i, b - 1) for i in range(longest)] for a, b in bounds])
    flat = np.arange(math.prod(spatial)).reshape(spatial)
    return np.array([flat[np.ix_(*part)].ravel() for part in itertools.product(*axes)])


def _parts(size: int, parts: int) -> list[tuple[int, int]]:
    """Where each of some nearly equal parts of an axis starts and stops; they may overlap."""
    return [(i * size // parts, -((-(i + 1) * size) // parts)) for i in range(parts)]


def _output_sizes(spatial: int, input: Tensor, asked: OutputSizes) -> tuple[int, ...]:
    listed = (asked,) * spatial if asked is None or isinstance(asked, int) else tuple(asked)
    if len(listed) != spatial or any(size is not None and size < 1 for size in listed):
        raise ArgumentError(
            "CR524",
            f"output_size={asked!r}: expected a number of parts of at least 1, or None, for "
            f"each of the {spatial} spatial axes",
        )
    if input.ndim not in (spatial + 1, spatial + 2) or 0 in input.shape[-spatial:]:
        raise ShapeError(
            "CR110",
            f"pooling over {spatial} axes takes an input (n, channels, *spatial) or "
            f"(channels, *spatial) with elements on each axis, got {tuple(input.shape)}",
        )
    pairs = zip(listed, input.shape[-spatial:], strict=True)
    return tuple([size if parts is None else parts for parts, size in pairs])


def _constant(numbers: np.ndarray, like: Tensor) -> Tensor:
    """Numbers that follow from shapes alone, in the type of a tensor."""
    return Tensor._of(numbers).to(like.dtype)
