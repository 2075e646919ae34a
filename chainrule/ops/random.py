"""Random numbers: pure functions of a seed, a draw and a position, the same on every engine.

The generator is Philox-4x64-10 under the key (seed, draw): word i is word i mod 4 of the
block that it makes of the counter 1 + ⌊i / 4⌋.

Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.primitive import Primitive


class RandomBits(Primitive):
    """Independent 64-bit words, as int64."""

    def forward(seed, draw, *, shape):
        return _words(seed, draw, math.prod(shape)).view(np.int64).reshape(shape)

    def shape(seed, draw, *, shape):
        return shape


class RandomUniform(Primitive):
    """Numbers from 0 (included) to 1 (excluded), evenly spread.

    float64: the upper 53 bits of word i. float32: the upper 24 bits of the half-words in
    order, the lower half first.
    """

    def forward(seed, draw, *, shape, dtype):
        count = math.prod(shape)
        if dtype == np.float64:
            bits = _words(seed, draw, count) >> np.uint64(11)
            return (bits * 2.0**-53).reshape(shape)
        halves = _words(seed, draw, -(-count // 2)).view(np.uint32)[:count]
        uniform = (halves >> np.uint32(8)).astype(np.float32)
        return (uniform * np.float32(2.0**-24)).reshape(shape)

    def shape(seed, draw, *, shape, dtype):
        return shape

    def dtype(seed, draw, *, shape, dtype):
        return dtype


def _words(seed: np.ndarray, draw: np.ndarray, count: int) -> np.ndarray:
    key = np.array([seed, draw], np.int64).view(np.uint64)
    return np.asarray(np.random.Philox(key=key).random_raw(count), "<u8")
