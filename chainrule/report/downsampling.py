"""Down-sampling: a long series in as many points as a picture has, without losing a peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_GAPS = 32  # stretches of non-finite values that stay marked


@dataclass(frozen=True)
class Thinned:
    """A series for drawing: its points, and for smoothing the means of their stretches."""

    steps: np.ndarray
    values: np.ndarray
    mean_steps: np.ndarray | None = None  # None where no point was left out
    means: np.ndarray | None = None


def thin(steps: np.ndarray, values: np.ndarray, points: int) -> Thinned:
    """At most about `points` points that look like the series.

    The finite values are cut into stretches of equal count, of which the lowest and the highest
    value stay, each at its own step; so do the first and the last value, and the first of each
    stretch of NaN or infinities.

    Shapes: steps (N,) in ascending order, values (N,).

    Example:
        >>> loss = np.ones(10_000)
        >>> loss[777] = 50.0
        >>> found = thin(np.arange(10_000), loss, 100)
        >>> len(found.steps) <= 102, found.values.max(), found.steps[found.values.argmax()]
        (True, np.float64(50.0), np.int64(777))
    """
    if len(values) <= points:
        return Thinned(steps, values)
    finite = np.flatnonzero(np.isfinite(values))
    kept = [_gaps(values), finite]
    if len(finite) <= points:
        chosen = np.unique(np.concatenate(kept))
        return Thinned(steps[chosen], values[chosen])
    buckets = max(1, points // 2)
    extremes = finite[_extremes(values[finite], buckets)]
    chosen = np.unique(np.concatenate([kept[0], finite[[0, -1]], extremes]))
    mean_steps, means = (_means(each[finite], buckets) for each in (steps, values))
    return Thinned(steps[chosen], values[chosen], mean_steps, means)


def _gaps(values: np.ndarray) -> np.ndarray:
    """Where stretches of non-finite values begin."""
    lost = ~np.isfinite(values)
    begins = lost & ~np.concatenate([[False], lost[:-1]])
    return np.flatnonzero(begins)[:MOST_GAPS]


def _bounds(count: int, buckets: int) -> np.ndarray:
    return np.linspace(0, count, buckets + 1).astype(np.int64)


def _extremes(values: np.ndarray, buckets: int) -> np.ndarray:
    """Positions of the lowest and the highest value of each bucket."""
    bounds = _bounds(len(values), buckets)
    width = int(np.diff(bounds).max())
    positions = np.minimum(bounds[:-1, None] + np.arange(width), bounds[1:, None] - 1)
    table, rows = values[positions], np.arange(buckets)
    low, high = table.argmin(axis=1), table.argmax(axis=1)
    return np.concatenate([positions[rows, low], positions[rows, high]])


def _means(values: np.ndarray, buckets: int) -> np.ndarray:
    bounds = _bounds(len(values), buckets)
    return np.add.reduceat(values.astype(np.float64), bounds[:-1]) / np.diff(bounds)
