"""The 1,797 handwritten digits that come with the package; DIGITS.md says from where."""

from __future__ import annotations

import importlib.resources

import numpy as np

from chainrule.data.splits import SPLIT_SEED, Splits, image_dataset, stratified_split

TEST_FRACTION, VALIDATION_FRACTION = 0.2, 0.1
INK = 16  # the value of a pixel that is all ink


def digits() -> Splits:
    """Handwritten digits, 8 x 8: 1,258 for training, 180 for validation, 359 for the test.

    Shapes: images (n, 1, 8, 8) from 0 (paper) to 1 (ink); labels (n,), the digits.

    Source: Alpaydin & Kaynak 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0)

    Example:
        >>> train, validation, test = digits()
        >>> len(train), len(validation), len(test)
        (1258, 180, 359)
    """
    with (
        (importlib.resources.files("chainrule.data") / "digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as packed,
    ):
        images, labels = packed["images"], packed["labels"]
    test, validation, train = stratified_split(
        labels, [TEST_FRACTION, VALIDATION_FRACTION], SPLIT_SEED
    )
    return Splits(*(image_dataset(images, labels, p, INK) for p in (train, validation, test)))
