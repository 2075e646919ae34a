"""Pooling layers: fewer numbers for each channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from chainrule.functional import pooling as F
from chainrule.functional.convolution import Sizes, per_axis
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class MaxPooling(Module):
    """The family: the largest element of each window."""

    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return type(self).function(
            input, self.kernel_size, self.stride, self.padding, self.dilation,
            self.ceil_mode, self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPooling):
    """The largest element of each window of a signal; see MaxPool2d."""

    function = staticmethod(F.max_pool1d)


class MaxPool2d(MaxPooling):
    """The largest element of each window of an image.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:
        stride: from window to window; kernel_size if None
        padding: at most half a window, lower than every element
        return_indices: give also where the elements are, in the flattened image
        ceil_mode: whether a last window may stand out behind the image

    Example:
        >>> import chainrule as cr
        >>> MaxPool2d(2)(cr.zeros(32, 8, 28, 28)).shape
        chainrule.Size([32, 8, 14, 14])
    """

    function = staticmethod(F.max_pool2d)


class AvgPool1d(Module):
    """The mean of each window of a signal; see AvgPool2d."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = per_axis(kernel_size, 1)
        self.stride = self.kernel_size if stride is None else per_axis(stride, 1)
        self.padding = per_axis(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window of an image.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:
        stride: from window to window; kernel_size if None
        count_include_pad: whether the zeros of the padding count
        divisor_override: what to divide by instead of the number of elements
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptivePooling(Module):
    """The family: each axis divided into a given number of parts."""

    def __init__(self, output_size: F.OutputSizes) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(AdaptivePooling):
    """The means of `output_size` parts of a signal."""

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(AdaptivePooling):
    """The means of output_size parts along each axis; 1 gives the mean of each channel.

    Args:  output_size: one number, or one for each axis; None keeps the size of an axis.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPooling(AdaptivePooling):
    """The family: the largest element of each part."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: F.OutputSizes, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return type(self).function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(AdaptiveMaxPooling):
    """The largest elements of `output_size` parts of a signal."""

    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(AdaptiveMaxPooling):
    """The largest elements of output_size parts along each axis; see AdaptiveAvgPool2d."""

    function = staticmethod(F.adaptive_max_pool2d)
