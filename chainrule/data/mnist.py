"""The MNIST handwritten digits: 70,000 images, read from a folder or fetched once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.data.download import cache_folder, fetch
from chainrule.data.idx import read_idx
from chainrule.data.splits import SPLIT_SEED, Splits, image_dataset, stratified_split
from chainrule.errors import DataError

HOMES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SHA256 = {  # of the unpacked files
    "train-images-idx3-ubyte": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": (
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": (
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": (
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}
VALIDATION_FRACTION = 1 / 12  # of the 60,000 images that are for training
BRIGHTEST = 255


def mnist(data_dir: str | Path | None = None) -> Splits:
    """Handwritten digits, 28 x 28: 54,999 for training, 5,001 for validation, 10,000 test.

    Shapes: images (n, 1, 28, 28) from 0 (paper) to 1 (ink); labels (n,), the digits.

    Args: data_dir: the folder with the four idx files, gzipped or not. If None they are looked
        for in the user's cache folder and fetched into it where they are missing.

    Raises: DataError where a file is missing (CR709), malformed (CR710) or not the known one
        (CR711).

    Source: LeCun, Cortes & Burges, the MNIST database of handwritten digits, 1998
    """
    train_images, train_labels = _pair("train", data_dir)
    test_images, test_labels = _pair("t10k", data_dir)
    validation, train = stratified_split(train_labels, [VALIDATION_FRACTION], SPLIT_SEED)
    everything = np.arange(len(test_labels))
    return Splits(
        image_dataset(train_images, train_labels, train, BRIGHTEST),
        image_dataset(train_images, train_labels, validation, BRIGHTEST),
        image_dataset(test_images, test_labels, everything, BRIGHTEST),
    )


def _pair(part: str, data_dir: str | Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one part, checked against each other."""
    images_path = _path(f"{part}-images-idx3-ubyte", data_dir)
    labels_path = _path(f"{part}-labels-idx1-ubyte", data_dir)
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise DataError(
            "CR710",
            f"{images_path} holds {images.dtype} elements of shape {images.shape}, where bytes "
            "of shape (n, 28, 28) are expected. Fetch it again",
        )
    if (
        labels.shape != images.shape[:1]
        or labels.dtype != np.uint8
        or labels.max(initial=0) > 9
    ):
        raise DataError(
            "CR710",
            f"{labels_path} holds {labels.dtype} elements of shape {labels.shape}, where "
            f"{len(images)} bytes from 0 to 9 are expected, one per image. Fetch it again",
        )
    return images, labels


def _path(name: str, data_dir: str | Path | None) -> Path:
    """Where the file stands; fetched first where no folder was named and the cache lacks it."""
    folder = cache_folder() / "mnist" if data_dir is None else Path(data_dir)
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    if data_dir is None:
        return fetch(f"{name}.gz", HOMES, SHA256[name], folder)
    raise DataError(
        "CR709",
        f"{folder} has no file {name} or {name}.gz. Put it there, name the folder that has it, "
        "or name none to have MNIST fetched",
    )
