"""Labelled images in four idx files, as MNIST has them: found in a folder, or fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chainrule.data.download import cache_folder, fetch
from chainrule.data.idx import read_idx
from chainrule.data.splits import Labelled, Splits, splits_with_test
from chainrule.errors import DataError

VALIDATION_FRACTION = 1 / 12  # of the 60,000 images that are for training
SIDE, CLASSES = 28, 10


class IdxImages(NamedTuple):
    """Where the four files of such a dataset come from.

    `sha256` is that of each file by its name without .gz; of its content if `unpacked`.
    """

    title: str
    homes: Sequence[str]
    sha256: Mapping[str, str]
    unpacked: bool

    def pair(self, train: bool, folders: Sequence[Path], into: Path | None) -> Labelled:
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

    def splits(self, data_dir: str | Path | None) -> Splits:
        """Training, validation and test part, as float32 images from 0 to 1.

        Args: data_dir: the folder with the files; the cache folder if None, where what is
            missing is fetched to.
        """
        cache = cache_folder() / self.title.lower()
        folder, into = (cache, cache) if data_dir is None else (Path(data_dir), None)
        train, test = (self.pair(train, [folder], into) for train in (True, False))
        return splits_with_test(train, test, VALIDATION_FRACTION)

    def _path(self, name: str, folders: Sequence[Path], into: Path | None) -> Path:
        for folder in folders:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        if into is not None:
            return fetch(
                f"{name}.gz", self.homes, self.sha256[name], into, unpacked=self.unpacked,
                others=[f"{other}.gz" for other in self.sha256 if other != name],
            )  # fmt: skip
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
