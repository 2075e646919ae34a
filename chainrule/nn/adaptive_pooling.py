"""Adaptive pooling layers: as many numbers for each channel as are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from chainrule.functional import adaptive_pooling as F
from chainrule.functional.adaptive_pooling import OutputSizes
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class AdaptivePooling(Module):
    """The family: each axis divided into a given number of parts."""

    def __init__(self, output_size: OutputSizes) -> None:
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


class AdaptiveAvgPool3d(AdaptivePooling):
    """The means of output_size parts along each axis of a volume; see AdaptiveAvgPool2d."""

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPooling(AdaptivePooling):
    """The family: the largest element of each part."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: OutputSizes, return_indices: bool = False) -> None:
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


class AdaptiveMaxPool3d(AdaptiveMaxPooling):
    """The largest elements of output_size parts of a volume; see AdaptiveAvgPool2d."""

    function = staticmethod(F.adaptive_max_pool3d)
