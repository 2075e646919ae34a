"""Fashion-MNIST: 70,000 pictures of clothes in ten classes, in the form of MNIST."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from chainrule.data.idx_images import IdxImages
from chainrule.data.mnist import MNIST
from chainrule.data.splits import Splits

SOURCE = IdxImages(
    "Fashion-MNIST",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
    unpacked=False,
)


def fashion_mnist(data_dir: str | Path | None = None) -> Splits:
    """Clothes, 28 x 28 grey: 55,000 for training, 5,000 for validation, 10,000 for the test.

    Shapes: images (n, 1, 28, 28) from 0 (black) to 1 (white); labels (n,), 0 to 9, named in
    FashionMNIST.classes.

    Args: data_dir: the folder with the four idx files, gzipped or not. If None they are looked
        for in the user's cache folder and fetched into it where they are missing.

    Raises: DataError where a file is missing (CR709), malformed (CR710) or not the known one
        (CR711).

    Source: Xiao, Rasul & Vollgraf 2017, https://arxiv.org/abs/1708.07747 (MIT licence)
    """
    return SOURCE.splits(data_dir)


class FashionMNIST(MNIST):
    """Pictures of clothes: images of 28 x 28 bytes in one channel, and classes 0 to 9.

    Args:
        root: the folder that has the four idx files in FashionMNIST/raw, or has them itself.
        train, transform, target_transform: as for MNIST.
        download: fetch into root/FashionMNIST/raw what is not there.

    Raises: DataError where a file is missing (CR709), malformed (CR710) or not the known one
        (CR711).

    Source: Xiao, Rasul & Vollgraf 2017, https://arxiv.org/abs/1708.07747
    """

    source: ClassVar[IdxImages] = SOURCE
    classes: ClassVar[list[str]] = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip
