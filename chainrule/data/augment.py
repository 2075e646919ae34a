"""Augmentation: images moved, turned and scaled a little, anew each time they are read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset, read_batch
from chainrule.tensor.generator import Generator, default_generator
from chainrule.tensor.tensor import Tensor


class RandomAffine(Dataset):
    """A dataset of images whose images are turned, shifted and scaled at random when read.

    Args:
        dataset: samples (image, target, …) with images of shape (c, h, w), 0 outside.
        degrees: turned by up to so many degrees either way.
        shift: moved by up to so many pixels along each axis.
        scale: made larger or smaller by up to this factor minus 1; 0.1 is 10 %.
        generator: where the randomness comes from; the default generator if None.

    Example:
        >>> import chainrule as cr
        >>> images = cr.data.TensorDataset(cr.ones(10, 1, 8, 8), cr.arange(10))
        >>> image, label = RandomAffine(images, degrees=10, shift=1)[3]
        >>> tuple(image.shape), label.item()
        ((1, 8, 8), 3)
    """

    def __init__(
        self,
        dataset: Dataset,
        degrees: float = 0.0,
        shift: float = 0.0,
        scale: float = 0.0,
        generator: Generator | None = None,
    ) -> None:
        self.dataset = dataset
        self.degrees = degrees
        self.shift = shift
        self.scale = scale
        self.generator = generator

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        image, *rest = self.dataset[index]
        return self._moved(image.unsqueeze(0)).squeeze(0), *rest

    def __getbatch__(self, positions: np.ndarray) -> Any:
        images, *rest = read_batch(self.dataset, positions)
        return [self._moved(images), *rest]

    def _moved(self, images: Tensor) -> Tensor:
        source = self.generator or default_generator
        draws = source.uniform((4, len(images))).numpy().astype(np.float64) * 2 - 1
        angle = draws[0] * math.radians(self.degrees)
        zoom = (1 + self.scale) ** -draws[1]
        matrix = zoom * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        moved = affine(images.numpy(), matrix.transpose(2, 0, 1), draws[2:].T * self.shift)
        return Tensor._of(moved)


def affine(images: np.ndarray, matrix: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Images seen through p ↦ A p + b around their centres, by bilinear interpolation.

    y[p] = x[A p + b], where x between pixels is the mean of its four neighbours weighted by
    nearness, and 0 outside.

    Shapes: images (n, c, h, w), matrix (n, 2, 2), offset (n, 2), rows before columns
    """
    n, _, h, w = images.shape
    centre = np.array([(h - 1) / 2, (w - 1) / 2])[:, None]
    grid = np.indices((h, w)).reshape(2, h * w) - centre  # (2, p)
    seen = matrix @ grid + offset[:, :, None] + centre + 1  # (n, 2, p), in the padded image
    seen = np.clip(seen, 0, np.array([h + 1, w + 1])[:, None])
    corner = seen.astype(np.intp)
    row, column = corner[:, 0], corner[:, 1]
    fraction = (seen - corner).astype(images.dtype)[:, :, None]  # (n, 2, 1, p)
    down, right = fraction[:, 0], fraction[:, 1]  # (n, 1, p)
    padded = np.pad(images, ((0, 0), (0, 0), (1, 2), (1, 2))).transpose(0, 2, 3, 1)
    each = np.arange(n)[:, None]

    def at(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return padded[each, i, j].transpose(0, 2, 1)  # (n, c, p)

    upper = at(row, column) * (1 - right) + at(row, column + 1) * right
    lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right
    return (upper * (1 - down) + lower * down).reshape(images.shape)
