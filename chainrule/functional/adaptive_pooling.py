"""Adaptive pooling: each axis divided into a given number of parts."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.pooling import constant, elements
from chainrule.functional.spatial import batched, repeated
from chainrule.tensor.tensor import Tensor

OutputSizes = int | None | Sequence[int | None]


def adaptive_avg_pool1d(input: Tensor, output_size: OutputSizes) -> Tensor:
    """The means of `output_size` parts of a signal; see adaptive_avg_pool2d."""
    return adaptive_avg_pool(1, input, output_size)


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
    return adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: OutputSizes) -> Tensor:
    """The means of output_size parts along each axis of a volume; see adaptive_avg_pool2d."""
    return adaptive_avg_pool(3, input, output_size)


def adaptive_avg_pool(spatial: int, input: Tensor, output_size: OutputSizes) -> Tensor:
    """The means over `spatial` axes; adaptive_avg_pool2d says what they are."""
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
    return (x.transpose(dim, -1) @ constant(means, x)).transpose(dim, -1)


def adaptive_max_pool1d(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> Any:
    """The largest elements of `output_size` parts of a signal; see adaptive_max_pool2d."""
    return adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> Any:
    """The largest element of each part, the parts as in adaptive_avg_pool2d.

    Args:    return_indices: also where they are, in the flattened image.
    Shapes:  input (n, c, h, w) or (c, h, w)
    """
    return adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> Any:
    """The largest element of each part of a volume; see adaptive_max_pool2d."""
    return adaptive_max_pool(3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool1d, and where its elements are."""
    return adaptive_max_pool(1, input, output_size, True)


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool2d, and where its elements are in the flattened image."""
    return adaptive_max_pool(2, input, output_size, True)


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: OutputSizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool3d, and where its elements are in the flattened volume."""
    return adaptive_max_pool(3, input, output_size, True)


def adaptive_max_pool(
    spatial: int, input: Tensor, output_size: OutputSizes, return_indices: bool
) -> Any:
    """The largest elements over `spatial` axes; adaptive_max_pool2d says of what."""
    sizes = _output_sizes(spatial, input, output_size)
    images = batched(input, spatial)
    if all(n % parts == 0 for n, parts in zip(images.shape[2:], sizes, strict=True)):
        kernel = [n // parts for n, parts in zip(images.shape[2:], sizes, strict=True)]
        return elements(input, images, images.window_argmax(kernel, kernel), return_indices)
    positions = Tensor._of(_part_positions(tuple(images.shape[2:]), sizes))
    candidates = images.detach().flatten(2)[:, :, positions]  # (n, c, parts, candidates)
    index = positions.gather(1, candidates.argmax(-1).flatten(0, 1).T).T
    return elements(input, images, index.reshape(*images.shape[:2], *sizes), return_indices)


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
    listed = repeated(asked, spatial)
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
