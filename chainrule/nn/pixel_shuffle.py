"""Layers that exchange channels for places, or for one another."""

from __future__ import annotations

from chainrule.functional import pixel_shuffle as F
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class PixelShuffle(Module):
    """Images r times as large, from r² times the channels.

    Shapes:  (…, c · r², h, w) → (…, c, r h, r w)
    Raises:  ArgumentError (CR541) for channels that cannot be divided by r².
    Source:  Shi et al. 2016, "Real-time single image and video super-resolution"

    Example:
        >>> import chainrule as cr
        >>> PixelShuffle(2)(cr.zeros(1, 12, 8, 8)).shape
        chainrule.Size([1, 3, 16, 16])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of PixelShuffle: images a part as large, with r² times the channels.

    Shapes:  (…, c, r h, r w) → (…, c · r², h, w)
    Raises:  ArgumentError (CR541) for sizes that cannot be divided by r.
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels dealt out: the first of each of the groups, then the second of each, and so on.

    Shapes:  (n, c, *spatial)
    Raises:  ArgumentError (CR541) for channels that cannot be divided into the groups.
    Source:  Zhang et al. 2018, "ShuffleNet", §3.1
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
