"""Convolution layers that take their input channels from their first input; see lazy.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.functional.spatial import Sizes, check_spatial
from chainrule.nn.convolution import Conv1d, Conv2d, Conv3d, Convolution, check_groups
from chainrule.nn.lazy import LazyModuleMixin, materialize
from chainrule.nn.parameter import UninitializedParameter
from chainrule.nn.transposed_convolution import (
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    TransposedConvolution,
)
from chainrule.tensor.tensor import Tensor


class ChannelsFromInput(LazyModuleMixin):
    """What lazy convolutions share: the channels are the axis before the spatial ones."""

    spatial: int
    in_channels: int
    out_channels: int
    groups: int
    _weight_shape: Callable[[], tuple[int, ...]]
    weight: Any
    bias: Any

    def _leave_open(
        self, out_channels: int, bias: bool, device: Any, dtype: Dtype | None
    ) -> None:
        """The number of outputs; parameters without a shape."""
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Start anew, at random, if the shapes are known."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of channels from the input."""
        was_lazy = self.has_uninitialized_params()
        self.in_channels = self._channels(input)
        if was_lazy:
            materialize(self.weight, *self._weight_shape())
            materialize(self.bias, self.out_channels)
            self.reset_parameters()

    def _channels(self, input: Tensor) -> int:
        name = type(self).__name__
        check_spatial(name, input, self.spatial)
        channels = input.shape[-self.spatial - 1]
        check_groups(name, channels, self.out_channels, self.groups)
        return channels


class LazyConvolution(ChannelsFromInput, Convolution):
    """The family of the convolutions."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False,
            padding_mode=padding_mode,
        )  # fmt: skip
        self._leave_open(out_channels, bias, device, dtype)


class LazyConv1d(LazyConvolution, Conv1d):
    """Convolution of signals; its input channels come from the first input. See Conv1d."""

    cls_to_become = Conv1d


class LazyConv2d(LazyConvolution, Conv2d):
    """Convolution of images; its input channels come from the first input. See Conv2d.

    Example:
        >>> import chainrule as cr
        >>> layer = LazyConv2d(8, kernel_size=3, padding=1)
        >>> layer(cr.zeros(32, 1, 28, 28)).shape
        chainrule.Size([32, 8, 28, 28])
        >>> layer.in_channels
        1
    """

    cls_to_become = Conv2d


class LazyConv3d(LazyConvolution, Conv3d):
    """Convolution of volumes; its input channels come from the first input. See Conv3d."""

    cls_to_become = Conv3d


class LazyTransposedConvolution(ChannelsFromInput, TransposedConvolution):
    """The family of the transposed convolutions."""

    def __init__(
        self,
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
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation,
            padding_mode=padding_mode,
        )  # fmt: skip
        self._leave_open(out_channels, bias, device, dtype)


class LazyConvTranspose1d(LazyTransposedConvolution, ConvTranspose1d):
    """ConvTranspose1d whose input channels come from the first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(LazyTransposedConvolution, ConvTranspose2d):
    """ConvTranspose2d whose input channels come from the first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(LazyTransposedConvolution, ConvTranspose3d):
    """ConvTranspose3d whose input channels come from the first input."""

    cls_to_become = ConvTranspose3d
