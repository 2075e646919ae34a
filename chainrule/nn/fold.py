"""Layers that turn windows into columns and back."""

from __future__ import annotations

from chainrule.functional import fold as F
from chainrule.functional.spatial import Sizes
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Columns(Module):
    """The family: how the windows of the columns lie."""

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Unfold(Columns):
    """What each window of an image sees, as a column: (n, c, h, w) → (n, c · taps, windows).

    Raises:  ShapeError (CR110, CR116).

    Example:
        >>> import chainrule as cr
        >>> Unfold(kernel_size=4, stride=4)(cr.zeros(1, 3, 32, 32)).shape   # patches of 4 x 4
        chainrule.Size([1, 48, 64])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Columns):
    """Columns laid back into their windows and added up: (n, c · taps, windows) → (n, c, h, w).

    Args:    output_size: (h, w), or one number for both.
    Raises:  ShapeError (CR544) for columns that are not those of such windows.
    """

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
