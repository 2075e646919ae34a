"""The way back from max pooling: the largest elements in their places, zeros elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.spatial import Sizes, check_spatial, per_axis
from chainrule.tensor.tensor import Tensor


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The way back from max_pool1d; see max_unpool2d."""
    return max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Images with the elements of `input` at the places `indices`, and zeros elsewhere.

    Args:
        indices: where each element goes in the flattened image, from max_pool2d(…,
            return_indices=True).
        kernel_size, stride, padding: those of the pooling.
        output_size: which of the sizes that are pooled alike; (m - 1) s - 2 p + k if None.

    Shapes:  input and indices (n, c, h, w) or (c, h, w)
    Raises:  ShapeError CR546 (indices of another shape), CR110; ArgumentError CR540;
        AxisError for indices outside of the image.

    Example:
        >>> import chainrule as cr
        >>> max_unpool2d(cr.tensor([[[5.0]]]), cr.tensor([[[3]]]), 2)
        tensor([[[0., 0.],
                 [0., 5.]]])
    """
    return max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The way back from max_pool3d; see max_unpool2d."""
    return max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


def max_unpool(
    spatial: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    output_size: Sequence[int] | None,
) -> Tensor:
    """The way back over `spatial` axes; max_unpool2d says what it is."""
    check_spatial(f"max_unpool{spatial}d", input, spatial)
    if indices.shape != input.shape:
        raise ShapeError(
            "CR546",
            f"max_unpool{spatial}d: the indices {tuple(indices.shape)} say where the elements "
            f"of the input {tuple(input.shape)} go; the two must have one shape",
        )
    kernel = per_axis(kernel_size, spatial)
    steps = kernel if stride is None else per_axis(stride, spatial)
    sizes = _sizes(input, kernel, steps, per_axis(padding, spatial), output_size)
    zeros = input.new_zeros((*input.shape[:-spatial], math.prod(sizes)))
    flat = zeros.scatter(-1, indices.flatten(-spatial), input.flatten(-spatial))
    return flat.reshape(*input.shape[:-spatial], *sizes)


def _sizes(
    input: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    asked: Sequence[int] | None,
) -> tuple[int, ...]:
    """The size wanted, less than a stride away from the usual one, or the usual one."""
    spatial = len(kernel)
    axes = zip(input.shape[-spatial:], kernel, stride, padding, strict=True)
    usual = tuple([(m - 1) * s - 2 * p + k for m, k, s, p in axes])
    if asked is None:
        return usual
    sizes = tuple(asked)[-spatial:]
    near = len(asked) in (spatial, spatial + 2) and all(
        abs(size - n) < s for size, n, s in zip(sizes, usual, stride, strict=True)
    )
    if not near:
        raise ArgumentError(
            "CR540",
            f"max_unpool{spatial}d: output_size={tuple(asked)} for an input "
            f"{tuple(input.shape)}: sizes less than a stride {stride} from {usual} are pooled "
            "to it",
        )
    return sizes
