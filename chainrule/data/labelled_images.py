"""Images in memory with a class each, read singly or a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.data.collate import default_collate
from chainrule.data.dataset import Dataset
from chainrule.data.transforms.transform import works_on_batches
from chainrule.tensor.tensor import Tensor


class LabelledImages(Dataset):
    """Byte images and their classes: sample i is (transform(image), target_transform(class)).

    Shapes: images (n, c, h, w), classes (n,)

    Args:
        transform: what each image, a uint8 tensor (c, h, w), goes through.
        target_transform: what each class, an int, goes through.

    Notes: where the transform is one of chainrule's, a whole batch goes through it at once,
    and each of its images draws its own random numbers.

    Example:
        >>> from chainrule.transforms import ToTensor
        >>> images = np.full((3, 1, 2, 2), 255, np.uint8)
        >>> image, label = LabelledImages(images, np.arange(3), ToTensor())[2]
        >>> image.tolist(), label
        ([[[1.0, 1.0], [1.0, 1.0]]], 2)
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self._images = images
        self._labels = labels.astype(np.int64)
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = Tensor._of(self._images[index])
        label: Any = int(self._labels[index])
        if self.transform is not None:
            image = self.transform(image)
        return image, label if self.target_transform is None else self.target_transform(label)

    def __getbatch__(self, positions: np.ndarray) -> Any:
        if not works_on_batches(self.transform):
            return default_collate([self[i] for i in positions.tolist()])
        images: Any = Tensor._of(self._images[positions])
        labels = self._labels[positions]
        if self.transform is not None:
            images = self.transform(images)
        if self.target_transform is None:
            return [images, Tensor._of(labels)]
        return [images, default_collate([self.target_transform(i) for i in labels.tolist()])]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images, transform={self.transform!r})"
