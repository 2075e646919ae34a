"""Adaptive pooling layers: as many numbers for each channel as are asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.functional.adaptive_pooling import (
    OutputSizes,
    adaptive_avg_pool,
    adaptive_max_pool,
)
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class AdaptivePooling(Module):
    """The family: each axis divided into a given number of parts."""

    spatial: ClassVar[int]

    def __init__(self, output_size: OutputSizes) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMeanPooling(AdaptivePooling):
    """The family: the mean of each part."""

    def forward(self, input: Tensor) -> Tensor:
        return adaptive_avg_pool(self.spatial, input, self.output_size)


class AdaptiveAvgPool1d(AdaptiveMeanPooling):
    """The means of `output_size` parts of a signal; see AdaptiveAvgPool2d."""

    spatial = 1


class AdaptiveAvgPool2d(AdaptiveMeanPooling):
    """The means of output_size parts along each axis; 1 gives the mean of each channel.

    Shapes:  (n, c, h, w) → (n, c, *output_size), both also without n
    Args:    output_size: one number, or one for each axis; None keeps the size of an axis.
    Raises:  ShapeError (CR110); ArgumentError (CR524).

    Example:
        >>> import chainrule as cr
        >>> AdaptiveAvgPool2d(1)(cr.zeros(32, 8, 7, 5)).shape
        chainrule.Size([32, 8, 1, 1])
    """

    spatial = 2


class AdaptiveAvgPool3d(AdaptiveMeanPooling):
    """The means of output_size parts along each axis of a volume; see AdaptiveAvgPool2d."""

    spatial = 3


class AdaptiveMaxPooling(AdaptivePooling):
    """The family: the largest element of each part."""

    def __init__(self, output_size: OutputSizes, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return adaptive_max_pool(self.spatial, input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(AdaptiveMaxPooling):
    """The largest elements of `output_size` parts of a signal; see AdaptiveMaxPool2d."""

    spatial = 1


class AdaptiveMaxPool2d(AdaptiveMaxPooling):
    """The largest elements of output_size parts along each axis; see AdaptiveAvgPool2d.

    Args:    return_indices: give also where the elements are, in the flattened image.
    """

    spatial = 2


class AdaptiveMaxPool3d(AdaptiveMaxPooling):
    """The largest elements of output_size parts of a volume; see AdaptiveMaxPool2d."""

    spatial = 3
