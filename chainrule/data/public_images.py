"""Datasets of labelled images that everybody knows, read from a folder or fetched into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from chainrule.data.labelled_images import LabelledImages
from chainrule.data.splits import Labelled


class PublicImages(LabelledImages):
    """The family: images with classes that have names. A subclass says in `_read` from where.

    Args:
        root: the folder.
        train: the images for training, or those of the test.
        transform: what each image, a uint8 tensor (c, h, w), goes through.
        target_transform: what each class, an int, goes through.
        download: fetch into root what is not there.
    """

    classes: ClassVar[list[str]]

    def __init__(
        self,
        root: str | Path,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        images, labels = self._read(download)
        super().__init__(images, labels, transform, target_transform)

    def _read(self, download: bool) -> Labelled:
        """Images (n, c, h, w) and labels (n,) of the part that `train` says."""
        raise NotImplementedError(f"{type(self).__name__} must define _read(download)")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class by its name."""
        return {name: i for i, name in enumerate(self.classes)}
