"""The MNIST handwritten digits: 70,000 images, read from a folder or fetched once."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from chainrule.data.idx_images import IdxImages
from chainrule.data.public_images import PublicImages
from chainrule.data.splits import Labelled, Splits
from chainrule.tensor.tensor import Tensor

SOURCE = IdxImages(
    "MNIST",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    {
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
    },
    unpacked=True,
)
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def mnist(data_dir: str | Path | None = None) -> Splits:
    """Handwritten digits, 28 x 28: 54,999 for training, 5,001 for validation, 10,000 test.

    Shapes: images (n, 1, 28, 28) from 0 (paper) to 1 (ink); labels (n,), the digits.

    Args: data_dir: the folder with the four idx files, gzipped or not. If None they are looked
        for in the user's cache folder and fetched into it where they are missing.

    Raises: DataError where a file is missing (CR709), malformed (CR710) or not the known one
        (CR711).

    Source: LeCun, Cortes & Burges, the MNIST database of handwritten digits, 1998
    """
    return SOURCE.splits(data_dir)


class MNIST(PublicImages):
    """Handwritten digits: images of 28 x 28 bytes in one channel, and the digits as ints.

    Args:
        root: the folder that has the four idx files in MNIST/raw, or has them itself.
        train: the 60,000 images for training, or the 10,000 of the test.
        transform: what each image, a uint8 tensor (1, 28, 28), goes through.
        target_transform: what each digit goes through.
        download: fetch into root/MNIST/raw what is not there.

    Raises: DataError where a file is missing (CR709), malformed (CR710) or not the known one
        (CR711).

    Source: LeCun, Cortes & Burges, the MNIST database of handwritten digits, 1998
    """

    source: ClassVar[IdxImages] = SOURCE
    classes: ClassVar[list[str]] = [f"{i} - {name}" for i, name in enumerate(NAMES)]

    def _read(self, download: bool) -> Labelled:
        raw = self.root / type(self).__name__ / "raw"
        into = raw if download else None
        images, labels = self.source.pair(self.train, [raw, self.root], into)
        return images[:, None], labels

    @property
    def data(self) -> Tensor:
        """All images, uint8 (n, 28, 28)."""
        return Tensor._of(self._images[:, 0])

    @property
    def targets(self) -> Tensor:
        """All labels, int64 (n,)."""
        return Tensor._of(self._labels)
