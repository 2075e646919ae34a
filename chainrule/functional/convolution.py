"""Convolution of signals, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.channels import per_channel
from chainrule.functional.spatial import Sizes, batched, per_axis
from chainrule.ops.narrowing import narrowed
from chainrule.tensor.tensor import Tensor


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of signals; see conv2d.

    Shapes:  input (n, c, t) or (c, t), weight (o, c / groups, k) → (n, o, t') or (o, t')
    """
    return convolution(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of images

        y[n, o, i, j] = b[o] + Σ_c Σ_u Σ_v w[o, c, u, v] x[n, c, s i + d u - p, s j + d v - p]

    with stride s, dilation d and padding p; x is zero outside.

    Shapes:  input (n, c, h, w) or (c, h, w), weight (o, c / groups, kh, kw)
    Args:    padding: zeros on each side of an axis, or "valid" for none, or "same" for as
        many as keep the size of the image (with stride 1; an odd one goes behind).
        groups: parts that the channels are divided into, each convolved by itself.
    Raises:  ShapeError CR110 (axes), CR115 (channels), CR116 (the kernel does not fit);
        ArgumentError CR117, CR521 (a padding by name that cannot be).
    Source:  Goodfellow et al. 2016, §9.1

    Example:
        >>> import chainrule as cr
        >>> image = cr.arange(9.0).reshape(1, 3, 3)
        >>> conv2d(image, cr.ones(1, 1, 2, 2))
        tensor([[[ 8., 12.],
                 [20., 24.]]])
    """
    return convolution(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of volumes; see conv2d.

    Shapes:  input (n, c, d, h, w) or (c, d, h, w), weight (o, c / groups, kd, kh, kw)
    """
    return convolution(3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Transposed convolution of signals; see conv_transpose2d.

    Shapes:  input (n, c, t) or (c, t), weight (c, o / groups, k)
    """
    return transposed_convolution(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Transposed convolution: every element of the input lays down the kernel, times itself

        y[n, o, s i + d u - p, s j + d v - p] = b[o] + Σ_c w[c, o, u, v] x[n, c, i, j]

    added up over all that meet: the gradient of conv2d with the same weights. The size of an
    axis is  s (m - 1) + d (k - 1) + 1 - 2 p + output_padding.

    Shapes:  input (n, c, h, w) or (c, h, w), weight (c, o / groups, kh, kw)
    Args:    padding: what is cut off on each side. output_padding: with a stride, images of
        several sizes have the same windows; how much larger than the smallest of them.
    Raises:  ShapeError CR110, CR115, CR116, CR523; ArgumentError CR117, CR119.
    Source:  Dumoulin & Visin 2016, "A guide to convolution arithmetic", §4

    Example:
        >>> import chainrule as cr
        >>> image = cr.tensor([[[1.0, 2.0]]])
        >>> conv_transpose2d(image, cr.ones(1, 1, 2, 2), stride=2)
        tensor([[[1., 1., 2., 2.],
                 [1., 1., 2., 2.]]])
    """
    return transposed_convolution(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Transposed convolution of volumes; see conv_transpose2d.

    Shapes:  input (n, c, d, h, w) or (c, d, h, w), weight (c, o / groups, kd, kh, kw)
    """
    return transposed_convolution(
        3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def transposed_convolution(
    spatial: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> Tensor:
    """Transposed convolution over `spatial` axes; conv_transpose2d says what it computes."""
    _check_weight(f"conv_transpose{spatial}d", "(c, o / groups, *kernel)", spatial, weight)
    images = batched(input, spatial)
    y = images.convolve_transposed(weight, stride, padding, output_padding, dilation, groups)
    y = y if bias is None else _biased(y, bias)
    return y if images is input else y.squeeze(0)


def convolution(
    spatial: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    """Convolution over `spatial` axes; conv2d says what it computes."""
    _check_weight(f"conv{spatial}d", "(o, c / groups, *kernel)", spatial, weight)
    images = padded = batched(input, spatial)
    if isinstance(padding, str):
        check_padding(f"conv{spatial}d", padding, per_axis(stride, spatial))
        if padding == "same":
            borders = same_padding(weight.shape[2:], per_axis(dilation, spatial))
            padded = images.pad_constant([(0, 0)] * (images.ndim - spatial) + borders)
        padding = 0
    y = padded.convolve(weight, stride, padding, dilation, groups)
    y = y if bias is None else _biased(y, bias)
    return y if images is input else y.squeeze(0)


def _check_weight(what: str, axes: str, spatial: int, weight: Tensor) -> None:
    if weight.ndim != spatial + 2:
        raise ShapeError(
            "CR110",
            f"{what} takes weights {axes} with {spatial + 2} axes, got {tuple(weight.shape)}",
        )


def _biased(y: Tensor, bias: Tensor) -> Tensor:
    """y with one number added to each channel."""
    if tuple(bias.shape) != (y.shape[1],):
        raise ShapeError(
            "CR523",
            f"a convolution with {y.shape[1]} output channels takes a bias ({y.shape[1]},), "
            f"got {tuple(bias.shape)}",
        )
    return y + per_channel(narrowed(bias)[0], y)


def check_padding(what: str, padding: str, stride: tuple[int, ...]) -> None:
    """Raises ArgumentError (CR521) for a padding by name that is unknown or cannot be."""
    if padding != "valid" and (padding != "same" or set(stride) != {1}):
        raise ArgumentError(
            "CR521",
            f"{what}: padding={padding!r} with stride={stride}: a padding by name is 'valid', "
            "or 'same' with stride 1; give numbers instead",
        )


def same_padding(kernel: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, int]]:
    """What goes before and behind each axis, so that a convolution keeps its size."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]
