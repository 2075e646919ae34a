"""Images mirrored."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.data.transforms.transform import RandomTransform, on_batch
from chainrule.tensor.tensor import Tensor


def hflip(img: Any) -> Tensor:
    """Left and right exchanged.

    Example:
        >>> import chainrule as cr
        >>> hflip(cr.tensor([[[1, 2, 3]]]))
        tensor([[[3, 2, 1]]])
    """
    return on_batch(img, lambda x: x[..., ::-1], "hflip")


def vflip(img: Any) -> Tensor:
    """Top and bottom exchanged."""
    return on_batch(img, lambda x: x[..., ::-1, :], "vflip")


class RandomHorizontalFlip(RandomTransform):
    """Each image mirrored left to right with probability p.

    Example:
        >>> import chainrule as cr
        >>> RandomHorizontalFlip(p=1.0)(cr.tensor([[[1, 2, 3]]]))
        tensor([[[3, 2, 1]]])
    """

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return x[..., ::-1]


class RandomVerticalFlip(RandomTransform):
    """Each image turned upside down, as in a lake, with probability p."""

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return x[..., ::-1, :]
