"""Augmentation: images moved, turned and scaled a little, anew each time they are read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset, read_batch
from chainrule.data.transforms.warp import through
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

    Notes: transforms.RandomAffine is the like for datasets that take a transform.

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
        moved = through(images.numpy(), matrix.transpose(2, 0, 1), draws[2:].T * self.shift)
        return Tensor._of(moved)
