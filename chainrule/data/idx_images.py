"""Labelled images in four idx files, as MNIST has them: found in a folder, or fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chainrule.data.download import fetch
from chainrule.data.idx import read_idx
from chainrule.data.splits import SPLIT_SEED, Splits, image_dataset, stratified_split
from chainrule.errors import DataError

VALIDATION_FRACTION = 1 / 12  # of the 60,000 images that are for training
BRIGHTEST = 255
SIDE, CLASSES = 28, 10


class IdxImages(NamedTuple):
    """Where the four files of such a dataset come from.

    `sha256` is that of each file by its name without .gz; of its content if `unpacked`.
    """

    title: str
    homes: Sequence[str]
    sha256: Mapping[str, str]
    unpacked: bool

    def pair(
        self, train: bool, folders: Sequence[Path], into: Path | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images (n, 28, 28) and labels (n,) of one part, checked against each other.

        Args:
            folders: where the files are looked for, in this order.
            into: where they are fetched to if they are in none; None forbids that.

        Raises: DataError (CR709, CR710, CR711)
        """
        part = "train" if train else "t10k"
        images_path = self._path(f"{part}-images-idx3-ubyte", folders, into)
        labels_path = self._path(f"{part}-labels-idx1-ubyte", folders, into)
        images, labels = read_idx(images_path), read_idx(labels_path)
        _check_images(images, images_path)
        _check_labels(labels, labels_path, len(images))
        return images, labels

    def splits(self, folders: Sequence[Path], into: Path | None) -> Splits:
        """Training, validation and test part, as float32 images from 0 to 1."""
        images, labels = self.pair(True, folders, into)
        test_images, test_labels = self.pair(False, folders, into)
        validation, train = stratified_split(labels, [VALIDATION_FRACTION], SPLIT_SEED)
        everything = np.arange(len(test_labels))
        return Splits(
            image_dataset(images, labels, train, BRIGHTEST),
            image_dataset(images, labels, validation, BRIGHTEST),
            image_dataset(test_images, test_labels, everything, BRIGHTEST),
        )

    def _path(self, name: str, folders: Sequence[Path], into: Path | None) -> Path:
        for folder in folders:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        if into is not None:
            gzipped = f"{name}.gz"
            return fetch(gzipped, self.homes, self.sha256[name], into, unpacked=self.unpacked)
        raise DataError(
            "CR709",
            f"{folders[0]} has no file {name} or {name}.gz. Put it there, name the folder that "
            f"has it, or have {self.title} fetched (download=True, or no folder at all)",
        )


def _check_images(images: np.ndarray, path: Path) -> None:
    if images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        raise DataError(
            "CR710",
            f"{path} holds {images.dtype} elements of shape {images.shape}, where bytes of "
            f"shape (n, {SIDE}, {SIDE}) are expected. Fetch it again",
        )


def _check_labels(labels: np.ndarray, path: Path, n: int) -> None:
    whole = labels.shape == (n,) and labels.dtype == np.uint8
    if not whole or labels.max(initial=0) >= CLASSES:
        raise DataError(
            "CR710",
            f"{path} holds {labels.dtype} elements of shape {labels.shape}, where {n} bytes "
            f"from 0 to {CLASSES - 1} are expected, one per image. Fetch it again",
        )
