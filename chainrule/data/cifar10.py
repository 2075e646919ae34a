"""CIFAR-10: 60,000 small colour pictures in ten classes, from its binary version.

Layout: records of 3,073 bytes, a label and the red, green and blue plane of 32 x 32 pixels.
Source: Krizhevsky 2009, Learning multiple layers of features from tiny images.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from chainrule.data.download import cache_folder, fetch
from chainrule.data.gzip_file import MOST_UNPACKED, read_unpacked
from chainrule.data.public_images import PublicImages
from chainrule.data.splits import Labelled, Splits, splits_with_test
from chainrule.errors import DataError

HOMES = ("https://www.cs.toronto.edu/~kriz/",)
ARCHIVE = "cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = ("test_batch.bin",)
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32  # bytes
VALIDATION_FRACTION = 0.1  # of the 50,000 images that are for training


def cifar10(data_dir: str | Path | None = None) -> Splits:
    """Small colour pictures: 45,000 for training, 5,000 for validation, 10,000 for the test.

    Shapes: images (n, 3, 32, 32) from 0 to 1; labels (n,), 0 to 9, named in CIFAR10.classes.

    Args: data_dir: the folder with cifar-10-binary.tar.gz or the .bin files that are in it. If
        None, the archive is looked for in the user's cache folder and fetched into it.

    Raises: DataError where a file is missing (CR709), not the known one (CR711) or malformed
        (CR740).

    Source: Krizhevsky 2009, Learning multiple layers of features from tiny images
    """
    folder = cache_folder() / "cifar-10" if data_dir is None else Path(data_dir)
    train, test = (_read_files(names, folder, data_dir is None) for names in (TRAIN, TEST))
    return splits_with_test(train, test, VALIDATION_FRACTION)


class CIFAR10(PublicImages):
    """Small colour pictures: images of 3 x 32 x 32 bytes, and classes 0 to 9.

    Args:
        root: the folder that has cifar-10-binary.tar.gz, or the .bin files that are in it
            (also in cifar-10-batches-bin).
        train: the 50,000 images for training, or the 10,000 of the test.
        transform: what each image, a uint8 tensor (3, 32, 32), goes through.
        target_transform: what each class goes through.
        download: fetch the archive into root where it is not there.

    Raises: DataError where a file is missing (CR709), not the known one (CR711) or malformed
        (CR740).

    Notes: the binary version is read, as the other one is a pickle, which could run code.

    Source: Krizhevsky 2009, Learning multiple layers of features from tiny images
    """

    classes: ClassVar[list[str]] = [
        "airplane", "automobile", "bird", "cat", "deer",
        "dog", "frog", "horse", "ship", "truck",
    ]  # fmt: skip

    def _read(self, download: bool) -> Labelled:
        return _read_files(TRAIN if self.train else TEST, self.root, download)

    @property
    def data(self) -> np.ndarray:
        """All images as an array of bytes (n, 32, 32, 3)."""
        return self._images.transpose(0, 2, 3, 1)

    @property
    def targets(self) -> list[int]:
        """All labels."""
        return self._labels.tolist()


def read_cifar(path: str | Path) -> Labelled:
    """Images (n, 3, 32, 32) and labels (n,) of a file of records, gzipped or not.

    Raises: DataError (CR740) for a file that is not one, or is damaged.
    """
    try:
        content = read_unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("CR740", f"cannot read {path}: {error}. Fetch it again") from None
    return parse_cifar(content, str(path))


def parse_cifar(content: bytes, name: str) -> Labelled:
    """Images and labels in the bytes of records; `name` is for the message."""
    if not content or len(content) % RECORD:
        raise DataError(
            "CR740",
            f"{name} holds {len(content)} bytes, which are no whole records of {RECORD} bytes: "
            "it is no file of CIFAR-10's binary version, or was cut. Fetch it again",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels, images = records[:, 0], records[:, 1:].reshape(-1, *SHAPE)
    if labels.max() > 9:
        raise DataError(
            "CR740",
            f"{name}: record {int((labels > 9).argmax())} has the label {labels.max()}, where "
            "0 to 9 are expected. It is damaged, or of another dataset; fetch it again",
        )
    return images, labels


def _read_files(names: Sequence[str], folder: Path, download: bool) -> Labelled:
    """All images and labels of the named files, unpacked or in the archive."""
    for place in (folder / FOLDER, folder):
        if all((place / name).is_file() for name in names):
            return _joined([read_cifar(place / name) for name in names])
    archive = folder / ARCHIVE
    if not archive.is_file():
        if not download:
            raise DataError(
                "CR709",
                f"{folder} has no {ARCHIVE} and no {FOLDER} with {', '.join(names)}. Put the "
                "archive there, name the folder that has it, or have it fetched "
                "(download=True, or no folder at all)",
            )
        fetch(ARCHIVE, HOMES, SHA256, folder)
    return _joined(_members(archive, names))


def _members(archive: Path, names: Sequence[str]) -> list[Labelled]:
    """The named files of the archive, read in memory: nothing is unpacked to the disk."""
    found = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name).name
                if name in names and (file := tar.extractfile(member)) is not None:
                    if member.size > MOST_UNPACKED:
                        raise tarfile.ReadError(f"{member.name} has {member.size} bytes")
                    found[name] = parse_cifar(file.read(), f"{archive}: {member.name}")
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(
            "CR740", f"cannot read {archive}: {error}. Delete it and fetch it again"
        ) from None
    if missing := [name for name in names if name not in found]:
        raise DataError(
            "CR740",
            f"{archive} has no {', '.join(missing)}: it is not the binary version of CIFAR-10, "
            f"{ARCHIVE}. Delete it and fetch that one",
        )
    return [found[name] for name in names]


def _joined(parts: list[Labelled]) -> Labelled:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
