"""Pooling layers: fewer numbers for each channel."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.functional.pooling import avg_pool, lp_pool, max_pool
from chainrule.functional.spatial import Sizes, per_axis
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class MaxPooling(Module):
    """The family: the largest element of each window."""

    spatial: ClassVar[int]

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
        return max_pool(
            self.spatial, input, self.kernel_size, self.stride, self.padding, self.dilation,
            self.ceil_mode, self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPooling):
    """The largest element of each window of a signal; see MaxPool2d."""

    spatial = 1


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

    spatial = 2


class MaxPool3d(MaxPooling):
    """The largest element of each window of a volume; see MaxPool2d."""

    spatial = 3


class MeanPooling(Module):
    """The family: the mean of each window."""

    spatial: ClassVar[int]

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
        return avg_pool(
            self.spatial, input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(MeanPooling):
    """The mean of each window of a signal; see AvgPool2d."""

    spatial = 1

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(
            per_axis(kernel_size, 1), None if stride is None else per_axis(stride, 1),
            per_axis(padding, 1), ceil_mode, count_include_pad,
        )  # fmt: skip


class AvgPool2d(MeanPooling):
    """The mean of each window of an image.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:
        stride: from window to window; kernel_size if None
        count_include_pad: whether the zeros of the padding count
        divisor_override: what to divide by instead of the number of elements
    """

    spatial = 2


class AvgPool3d(MeanPooling):
    """The mean of each window of a volume; see AvgPool2d."""

    spatial = 3


class NormPooling(Module):
    """The family: the p-norm of each window."""

    spatial: ClassVar[int]

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return lp_pool(
            self.spatial, input, float(self.norm_type), self.kernel_size, self.stride,
            self.ceil_mode,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, ceil_mode={self.ceil_mode}"
        )


class LPPool1d(NormPooling):
    """The p-norm of each window of a signal; see LPPool2d."""

    spatial = 1


class LPPool2d(NormPooling):
    """The p-norm of each window of an image  y = (Σ xᵖ)^(1/p).

    Args:    norm_type: p; 1 gives the sum, ∞ the largest |x|. An odd p is for inputs
        from 0, as the powers are of x, not of |x|.
    Raises:  ArgumentError (CR524) for a p of 0.
    """

    spatial = 2


class LPPool3d(NormPooling):
    """The p-norm of each window of a volume; see LPPool2d."""

    spatial = 3
