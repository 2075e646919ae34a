"""Layers that undo max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chainrule.functional.spatial import Sizes, per_axis
from chainrule.functional.unpooling import max_unpool
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class MaxUnpooling(Module):
    """The family: elements back in their places, zeros elsewhere."""

    spatial: ClassVar[int]

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0
    ) -> None:
        super().__init__()
        self.kernel_size = per_axis(kernel_size, self.spatial)
        self.stride = self.kernel_size if stride is None else per_axis(stride, self.spatial)
        self.padding = per_axis(padding, self.spatial)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return max_unpool(
            self.spatial, input, indices, self.kernel_size, self.stride, self.padding,
            output_size,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpooling):
    """The way back from MaxPool1d; see MaxUnpool2d."""

    spatial = 1


class MaxUnpool2d(MaxUnpooling):
    """The way back from MaxPool2d(…, return_indices=True): zeros but for the largest elements.

    Shapes:  input and indices (n, c, h, w) or (c, h, w)
    Args:    kernel_size, stride, padding: those of the pooling; forward takes an output_size
        where images of several sizes are pooled alike.
    Raises:  ShapeError CR546, CR110; ArgumentError CR540.

    Example:
        >>> import chainrule as cr
        >>> from chainrule.nn import MaxPool2d
        >>> y, indices = MaxPool2d(2, return_indices=True)(cr.arange(4.0).reshape(1, 2, 2))
        >>> MaxUnpool2d(2)(y, indices)
        tensor([[[0., 0.],
                 [0., 3.]]])
    """

    spatial = 2


class MaxUnpool3d(MaxUnpooling):
    """The way back from MaxPool3d; see MaxUnpool2d."""

    spatial = 3
