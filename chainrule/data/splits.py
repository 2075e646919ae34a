"""Training, validation and test parts that are the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chainrule.data.dataset import TensorDataset
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.generator import Generator

SPLIT_SEED = 2024  # the parts never depend on the seed of a training


#: images (n, c, h, w) or (n, h, w), and labels (n,)
Labelled = tuple[np.ndarray, np.ndarray]
WHITE = 255  # the largest byte


class Splits(NamedTuple):
    """Three parts of a dataset that do not overlap.

    Fit on `train`, choose on `validation`, and look at `test` once, at the end.
    """

    train: TensorDataset
    validation: TensorDataset
    test: TensorDataset


def stratified_split(
    labels: np.ndarray, fractions: Sequence[float], seed: int
) -> list[np.ndarray]:
    """Positions of parts in which every class has (nearly) its share of each fraction.

    The last part takes what the fractions leave. Each class is cut by itself, in an order
    that depends only on the seed.

    Example:
        >>> first, rest = stratified_split(np.array([0, 0, 0, 0, 1, 1]), [0.5], seed=0)
        >>> len(first), len(rest)
        (3, 3)
    """
    generator = Generator().manual_seed(seed)
    parts = [[np.empty(0, np.intp)] for _ in range(len(fractions) + 1)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[generator.permutation(len(members)).numpy()]
        cuts = np.rint(np.cumsum(fractions) * len(members)).astype(int)
        for part, chosen in zip(parts, np.split(members, cuts), strict=True):
            part.append(chosen)
    return [np.sort(np.concatenate(part)) for part in parts]


def splits_with_test(training: Labelled, test: Labelled, validation_fraction: float) -> Splits:
    """The parts of a dataset of byte images that has a test part: the training part in two."""
    images, labels = training
    validation, train = stratified_split(labels, [validation_fraction], SPLIT_SEED)
    return Splits(
        image_dataset(images, labels, train, WHITE),
        image_dataset(images, labels, validation, WHITE),
        image_dataset(*test, np.arange(len(test[1])), WHITE),
    )


def image_dataset(
    images: np.ndarray, labels: np.ndarray, positions: np.ndarray, brightest: int
) -> TensorDataset:
    """Images as float32 between 0 and 1, shape (n, c, h, w), and labels as int64.

    Shapes: images (n, c, h, w) or (n, h, w), labels (n,)
    """
    chosen = images[positions] if images.ndim == 4 else images[positions, None]
    pixels = chosen.astype(np.float32) / np.float32(brightest)
    return TensorDataset(from_numpy(pixels), from_numpy(labels[positions].astype(np.int64)))
