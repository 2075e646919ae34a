"""How far numbers are from those they should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.metrics.metric import Metric, check_pair, check_seen, scores
from chainrule.tensor.tensor import Tensor


class _MeanError(Metric):
    """The mean of an error over all numbers seen."""

    _counts = ("total", "seen")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.total = 0.0
        self.seen = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """See one more batch."""
        found, true = pair(preds, target, type(self).__name__)
        self.total += float(self._errors(found - true).sum())
        self.seen += true.size

    def _errors(self, difference: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define _errors(difference)")

    def compute(self) -> float:
        """The mean.

        Raises: ArgumentError (CR714) where nothing was seen.
        """
        check_seen(self.seen, type(self).__name__)
        return self.total / self.seen


def pair(preds: Any, target: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and what they should be, float64.

    Raises: ShapeError (CR910) for different shapes; ArgumentError (CR911) for NaN.
    """
    found, true = scores(preds, "preds"), scores(target, "target")
    check_pair(found.shape == true.shape, name, "preds and target of one shape", found, true)
    return found, true


class MeanAbsoluteError(_MeanError):
    """Σ |p - t| / n

    Shapes: preds and target of one shape, any

    Raises: ShapeError (CR910); ArgumentError (CR911) for NaN.
    """

    def _errors(self, difference: np.ndarray) -> np.ndarray:
        return abs(difference)


class MeanSquaredError(_MeanError):
    """Σ (p - t)² / n, or its square root.

    Shapes: preds and target of one shape, any

    Args: squared: False for the root mean squared error.

    Raises: ShapeError (CR910); ArgumentError (CR911) for NaN.

    Example:
        >>> import chainrule as cr
        >>> error = MeanSquaredError()
        >>> error.update(cr.tensor([1.0, 4.0]), cr.tensor([1.0, 2.0]))
        >>> error.compute()
        2.0
    """

    def __init__(self, squared: bool = True) -> None:
        self.squared = squared
        super().__init__()

    def _errors(self, difference: np.ndarray) -> np.ndarray:
        return difference**2

    def compute(self) -> float:
        """The mean, or its square root.

        Raises: ArgumentError (CR714) where nothing was seen.
        """
        mean = super().compute()
        return mean if self.squared else float(np.sqrt(mean))


class RootMeanSquaredError(MeanSquaredError):
    """√(Σ (p - t)² / n)

    Shapes, Raises: as for MeanSquaredError
    """

    def __init__(self) -> None:
        super().__init__(squared=False)


class R2Score(Metric):
    """The share of the targets' variance that is explained:  1 - Σ (p - t)² / Σ (t - mean t)²

    Shapes: preds and target (n,), or (n, d) for the mean over d outputs

    Raises: ShapeError (CR910); ArgumentError (CR911) for NaN.

    Notes: means and squared deviations are carried along and joined, rather than sums of
    squares, which lose all digits far from 0.    Source: Chan, Golub & LeVeque 1983

    Example:
        >>> import chainrule as cr
        >>> r2 = R2Score()
        >>> r2.update(cr.tensor([2.5, 0.0, 2.0, 8.0]), cr.tensor([3.0, -0.5, 2.0, 7.0]))
        >>> round(r2.compute(), 4)
        0.9486
    """

    _counts = ("seen", "mean", "spread", "residual")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.seen = 0
        self.mean, self.spread, self.residual = (np.zeros(1) for _ in range(3))

    def update(self, preds: Tensor, target: Tensor) -> None:
        """See one more batch."""
        found, true = pair(preds, target, "R2Score")
        check_pair(
            true.ndim in (1, 2), "R2Score", "preds and target (n,) or (n, d)", found, true
        )
        if not len(true):
            return
        found, true = found.reshape(len(found), -1), true.reshape(len(true), -1)
        batch = R2Score()
        batch.seen, batch.mean = len(true), true.mean(0)
        batch.spread = ((true - batch.mean) ** 2).sum(0)
        batch.residual = ((found - true) ** 2).sum(0)
        self._add(batch)

    def _add(self, other: Any) -> None:
        if not other.seen:
            return
        fits = not self.seen or len(self.mean) == len(other.mean)
        check_pair(fits, "R2Score", "as many outputs as before", self.mean, other.mean)
        n = self.seen + other.seen
        step = other.mean - self.mean
        self.spread = self.spread + other.spread + step**2 * (self.seen * other.seen / n)
        self.mean = self.mean + step * (other.seen / n)
        self.residual = self.residual + other.residual
        self.seen = n

    def compute(self) -> float:
        """At most 1; for targets that are all the same 1 if they are met, else 0.

        Raises: ArgumentError (CR714) for fewer than two samples.
        """
        check_seen(self.seen > 1, "R2Score: the variance")
        same = self.spread == 0
        share = self.residual / np.where(same, 1, self.spread)
        return float(np.where(same, self.residual == 0, 1 - share).mean())
