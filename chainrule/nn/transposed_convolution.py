"""Transposed convolution layers: from few places to many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError
from chainrule.functional.convolution import transposed_convolution
from chainrule.functional.spatial import Sizes, per_axis
from chainrule.nn.convolution import Convolution
from chainrule.tensor.tensor import Tensor


class TransposedConvolution(Convolution):
    """The family: a transposed convolution over `spatial` axes."""

    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        if padding_mode != "zeros" or isinstance(padding, str):
            raise ArgumentError(
                "CR520",
                f"{type(self).__name__}: padding={padding!r}, padding_mode={padding_mode!r}: "
                "the padding of a transposed convolution is how much is cut off, a number for "
                'each axis, and its mode is "zeros"',
            )
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            device=device, dtype=dtype,
        )  # fmt: skip
        self.output_padding = per_axis(output_padding, self.spatial)

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self.output_padding
        if output_size is not None:
            extra = self._padding_for(input, tuple(output_size))
        return transposed_convolution(
            self.spatial, input, self.weight, self.bias, self.stride, self.padding, extra,
            self.groups, self.dilation,
        )  # fmt: skip

    def _padding_for(self, input: Tensor, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """The output_padding with which an input has outputs of the size wanted."""
        sizes = wanted[-self.spatial :]
        axes = zip(
            input.shape[-self.spatial :], self.kernel_size, self.stride, self.padding,
            self.dilation, strict=True,
        )  # fmt: skip
        least = [(m - 1) * s + d * (k - 1) + 1 - 2 * p for m, k, s, p, d in axes]
        most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
        fits = len(wanted) in (self.spatial, input.ndim) and all(
            low <= size <= high for low, size, high in zip(least, sizes, most, strict=True)
        )
        if not fits:
            raise ArgumentError(
                "CR540",
                f"{type(self).__name__}: output_size={wanted} for an input "
                f"{tuple(input.shape)}: its outputs have sizes from {tuple(least)} to "
                f"{tuple(most)}",
            )
        return tuple([size - low for low, size in zip(least, sizes, strict=True)])


class ConvTranspose1d(TransposedConvolution):
    """Transposed convolution of signals; see ConvTranspose2d.

    Shapes:  (n, in_channels, t) or (in_channels, t)
    """

    spatial = 1


class ConvTranspose2d(TransposedConvolution):
    """Transposed convolution of images: each element of the input lays down the kernel.

    Its forward is the gradient of a Conv2d with the same weights; with a stride it enlarges.

    Shapes:  (n, in_channels, h, w) → (n, out_channels, h', w'), both also without n, with
        h' = s (h - 1) + d (kh - 1) + 1 - 2 p + output_padding;
        weight (in_channels, out_channels / groups, kh, kw)
    Args:
        kernel_size, stride, padding, output_padding, dilation: a number, or one for each axis
        padding: how much is cut off on each side
        output_padding: how much larger than the smallest possible the output is, below the
            stride; forward(input, output_size) chooses it by the size wanted
    Raises:  ArgumentError CR520 (a padding by name, another mode), CR540 (an output_size that
        cannot be), CR119, CR528.
    Notes:   weights and biases start evenly spread over ±1/√(out_channels / groups · kh · kw).
    Source:  Dumoulin & Visin 2016, "A guide to convolution arithmetic", §4

    Example:
        >>> import chainrule as cr
        >>> larger = ConvTranspose2d(8, 3, kernel_size=4, stride=2, padding=1)
        >>> larger(cr.zeros(2, 8, 7, 7)).shape
        chainrule.Size([2, 3, 14, 14])
    """

    spatial = 2


class ConvTranspose3d(TransposedConvolution):
    """Transposed convolution of volumes; see ConvTranspose2d.

    Shapes:  (n, in_channels, d, h, w) or (in_channels, d, h, w)
    """

    spatial = 3
