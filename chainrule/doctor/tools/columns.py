"""Statistics of many arrays of samples, collected block by block."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

MOST_COLUMNS = 200_000  # numbers of a sample that are looked at; of larger ones a part
MOST_PLACES = 5  # that are remembered where something is wrong


class Features(NamedTuple):
    """Figures of each feature over the samples."""

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray  # only whole numbers


class Columns:
    """What the samples of one input are like: mean, spread and range of each number.

    Notes: means and variances of blocks are joined as by Chan et al. 1983, so that one pass
        is enough and large means do not cancel.
    """

    def __init__(self, sample: np.ndarray) -> None:
        self.shape = sample.shape
        self.dtype = sample.dtype
        self.stride = -(-sample.size // MOST_COLUMNS) if sample.size else 1
        width = len(range(0, sample.size, self.stride))
        self.count = np.zeros(width)
        self.mean = np.zeros(width)
        self.squares = np.zeros(width)  # of the deviations from the mean
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)
        self.whole = np.ones(width, bool)  # only whole numbers so far
        self.bad = 0  # numbers that are NaN or infinite
        self.bad_rows: list[int] = []
        self.bad_columns: set[int] = set()

    def add(self, x: np.ndarray, numbers: np.ndarray) -> None:
        """Take in samples with these numbers."""
        x = x.reshape(len(x), -1)[:, :: self.stride].astype(np.float64)
        n, low, high = np.full(x.shape[1], len(x)), x.min(0), x.max(0)
        if not np.isfinite(low.sum() + high.sum()):
            finite = np.isfinite(x)
            self._note(~finite, numbers)
            n = finite.sum(0)
            low = np.where(finite, x, np.inf).min(0)
            high = np.where(finite, x, -np.inf).max(0)
            x = np.where(finite, x, x.sum(0, where=finite) / np.maximum(n, 1))
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        if self.whole.any():
            self.whole &= (x == np.round(x)).all(0)
        self._join(n, x)

    def _join(self, n: np.ndarray, x: np.ndarray) -> None:
        """Take in the mean and the spread of finite numbers; n of each column count."""
        mean = x.mean(0)
        x -= mean
        total = np.maximum(self.count + n, 1)
        step = mean - self.mean
        self.squares += np.einsum("ij,ij->j", x, x) + step**2 * self.count * n / total
        self.mean += step * n / total
        self.count += n

    def _note(self, bad: np.ndarray, numbers: np.ndarray) -> None:
        self.bad += int(bad.sum())
        rows = np.flatnonzero(bad.any(1))
        room = MOST_PLACES - len(self.bad_rows)
        self.bad_rows += [int(numbers[row]) for row in rows[:room]]
        columns = np.flatnonzero(bad.any(0)) * self.stride
        self.bad_columns |= {int(c) for c in columns[:MOST_PLACES]}

    @property
    def std(self) -> np.ndarray:
        """The standard deviation of each number over the samples."""
        return np.sqrt(self.squares / np.maximum(self.count, 1))

    def features(self) -> Features:
        """The figures of each feature.

        A feature is a column of a table; the last axis of a sequence (t, d); a channel of an
        image (c, h, w).
        """
        axes, shape = _feature_axes(self.shape)
        if self.stride > 1 or not axes:
            return Features(self.mean, self.std, self.low, self.high, self.whole)
        grid = [a.reshape(shape) for a in (self.count, self.mean, self.squares)]
        count, total = grid[0].sum(axes), (grid[0] * grid[1]).sum(axes)
        mean = total / np.maximum(count, 1)
        around = np.expand_dims(mean, axes)
        squares = (grid[2] + grid[0] * (grid[1] - around) ** 2).sum(axes)
        low, high = self.low.reshape(shape).min(axes), self.high.reshape(shape).max(axes)
        whole = self.whole.reshape(shape).all(axes)
        std = np.sqrt(squares / np.maximum(count, 1))
        return Features(mean, std, low, high, np.asarray(whole))

    def overall(self) -> dict[str, float]:
        """Mean, standard deviation and range of all numbers together."""
        n = max(float(self.count.sum()), 1.0)
        mean = float((self.count * self.mean).sum() / n)
        squares = self.squares + self.count * (self.mean - mean) ** 2
        std = math.sqrt(max(float(squares.sum()) / n, 0.0))
        low, high = float(self.low.min(initial=np.inf)), float(self.high.max(initial=-np.inf))
        return {"mean": mean, "std": std, "low": low, "high": high}

    def place(self, column: int) -> Any:
        """Where a number of a sample stands: a column, or (channel, row, column)."""
        found = tuple(int(i) for i in np.unravel_index(column, self.shape or (1,)))
        return found[0] if len(found) == 1 else found


def _feature_axes(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of a sample to sum over, so that one entry for each feature stays."""
    if len(shape) == 2:
        return (0,), shape
    return tuple(range(1, len(shape))) if len(shape) > 2 else (), shape
