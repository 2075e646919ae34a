"""Layers that make images larger."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.functional.interpolation import Scales, interpolate
from chainrule.functional.spatial import Sizes
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Upsample(Module):
    """Signals, images or volumes at another size; interpolate says how.

    Shapes:  (n, c, *spatial) with 1, 2 or 3 spatial axes
    Args:
        size: the new size, or
        scale_factor: how many times as large; one number, or one for each spatial axis
        mode: "nearest", "linear", "bilinear", "bicubic" or "trilinear"
        align_corners: whether the corner elements stay in the corners
    Raises:  ArgumentError (CR542), ShapeError (CR110), when called.

    Example:
        >>> import chainrule as cr
        >>> Upsample(scale_factor=2, mode="bilinear")(cr.zeros(1, 3, 8, 8)).shape
        chainrule.Size([1, 3, 16, 16])
    """

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: Scales | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.scale_factor = _floats(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners,
            self.recompute_scale_factor,
        )  # fmt: skip

    def extra_repr(self) -> str:
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor}, mode={self.mode!r}"
        return f"size={self.size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images made larger by repeating their elements; see Upsample."""

    def __init__(self, size: Sizes | None = None, scale_factor: Scales | None = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """Images made larger by bilinear interpolation that keeps the corners; see Upsample."""

    def __init__(self, size: Sizes | None = None, scale_factor: Scales | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


def _floats(scale: Scales | None) -> Scales | None:
    if isinstance(scale, Sequence):
        return tuple(map(float, scale))
    return float(scale) if scale else None
