"""Rectangles wiped out of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms.crop import channel_values
from chainrule.data.transforms.ranges import (
    ATTEMPTS,
    checked_range,
    drawn_places,
    drawn_sides,
)
from chainrule.data.transforms.transform import RandomTransform, on_batch
from chainrule.errors import ArgumentError
from chainrule.tensor.creation import as_tensor
from chainrule.tensor.generator import Generator, default_generator
from chainrule.tensor.tensor import Tensor


def erase(img: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The images with the value v in rows i to i + h and columns j to j + w.

    Args: v: one number, or a tensor that broadcasts to (c, h, w).
    """
    value = as_tensor(v).numpy()

    def change(x: np.ndarray) -> np.ndarray:
        y = x.copy()
        y[:, :, i : i + h, j : j + w] = value
        return y

    erased = on_batch(img, change, "erase")
    return img.copy_(erased) if inplace else erased


class RandomErasing(RandomTransform):
    """A rectangle of each image wiped out with probability p, anywhere in it.

    Args:
        scale: from which to which share of the image's area it has.
        ratio: from which to which height per width it has, evenly on a logarithmic scale.
        value: what is put there: one number, one for each channel, or "random", Gaussian
            numbers.
        inplace: write into the tensor that was given.

    Raises: ArgumentError (CR751)

    Source: Zhong et al. 2017, Random erasing data augmentation
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator=generator)
        self.scale = checked_range(scale, "RandomErasing: scale")
        self.ratio = checked_range(ratio, "RandomErasing: ratio")
        self.value = value
        self.inplace = inplace
        if self.scale[1] > 1 or (isinstance(value, str) and value != "random"):
            raise ArgumentError(
                "CR751",
                f"RandomErasing: scale={scale!r}, value={value!r}; give shares from 0 to 1, "
                "and numbers or 'random'",
            )

    def __call__(self, img: Any) -> Tensor:
        erased = super().__call__(img)
        return img.copy_(erased) if self.inplace else erased

    def _changed(self, x: np.ndarray) -> np.ndarray:
        n, _, h, w = x.shape
        top, left, height, width = self._rectangles(n, h, w)
        rows, columns = np.arange(h), np.arange(w)
        inside = (rows >= top[:, None]) & (rows < (top + height)[:, None])
        across = (columns >= left[:, None]) & (columns < (left + width)[:, None])
        mask = inside[:, None, :, None] & across[:, None, None, :]  # (n, 1, h, w)
        return np.where(mask, self._values(x), x).astype(x.dtype)

    def _rectangles(self, n: int, h: int, w: int) -> np.ndarray:
        """(4, n): top, left, height, width of the first attempt that fits; else nothing."""
        u = self._uniform(n, ATTEMPTS, 4)
        width, height = drawn_sides(u, h * w, self.scale, self.ratio)
        fits = (height < h) & (width < w)
        top, left = drawn_places(u[..., 2], h, height), drawn_places(u[..., 3], w, width)
        chosen = np.stack([top, left, height, width])[:, np.arange(n), fits.argmax(1)]
        return np.where(fits.any(1), chosen, 0)

    def _values(self, x: np.ndarray) -> np.ndarray:
        if isinstance(self.value, str):
            return (self.generator or default_generator).normal(x.shape).numpy()
        return channel_values(self.value, x.shape[1])
