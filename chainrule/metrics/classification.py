"""Scores made of the confusion matrix: precision, recall, F1."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.metrics.metric import Metric, check_pair, check_seen, classes, scores, values
from chainrule.metrics.scores import binary_classes
from chainrule.tensor.tensor import Tensor

AVERAGES = ("micro", "macro", "weighted", "none", None)


class ConfusionMatrix(Metric):
    """How often class i (row) was taken for class j (column).

    Shapes: multiclass: preds (n, k, …) scores or (n, …) classes, target (n, …); binary: preds
    (n, …) classes, probabilities, or logits where one is not in [0, 1], target (n, …) → (k, k)

    Args:
        task: "binary" or "multiclass".
        num_classes: k; 2 for binary.
        threshold: binary: above which probability the answer is 1.
        normalize: divide by the sum of each row ("true"), of each column ("pred"), or of all
            ("all"); None counts.
        ignore_index: a target that does not count.

    Raises: ArgumentError (CR913) for settings that are not to be had, (CR911) for targets that
    are no classes and for NaN; ShapeError (CR910).

    Example:
        >>> import chainrule as cr
        >>> matrix = ConfusionMatrix("multiclass", num_classes=2)
        >>> matrix.update(cr.tensor([0, 1, 1]), cr.tensor([0, 0, 1]))
        >>> matrix.compute()
        tensor([[1, 1],
                [0, 1]])
    """

    _counts = ("counts",)

    def __init__(
        self,
        task: str,
        num_classes: int | None = None,
        *,
        threshold: float = 0.5,
        normalize: str | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.task = task
        self.num_classes = checked_classes(task, num_classes, type(self).__name__)
        self.threshold = threshold
        self.normalize = normalize
        self.ignore_index = ignore_index
        if normalize not in (None, "none", "true", "pred", "all"):
            raise ArgumentError(
                "CR913", f"normalize={normalize!r}; give 'true', 'pred', 'all' or None"
            )
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.counts = np.zeros((self.num_classes, self.num_classes), np.int64)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """See one more batch."""
        found, true = self._pairs(preds, target)
        k = self.num_classes
        self.counts = self.counts + np.bincount(true * k + found, minlength=k * k).reshape(k, k)

    def _pairs(self, preds: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        """Predicted and true class of each sample that counts, (m,) both."""
        found, name = values(preds, "preds"), type(self).__name__
        if self.task == "multiclass" and found.ndim == np.ndim(target) + 1:
            fits = found.shape[1] == self.num_classes
            expected = f"preds (n, {self.num_classes}, …) or (n, …) with target (n, …)"
            check_pair(fits, name, expected, found, target)
            found = scores(found, "preds").argmax(1)
        elif self.task == "binary":
            found = binary_classes(found, self.threshold)
        check_pair(
            found.shape == np.shape(target),
            name,
            "preds (n, …) with target (n, …)",
            preds,
            target,
        )
        true = values(target, "target")
        counted = true != self.ignore_index
        return (
            classes(found[counted], self.num_classes, "preds"),
            classes(true[counted], self.num_classes, "target"),
        )

    def compute(self) -> Any:
        """The matrix, int64; shares in float32 if normalized, with 0 for what never came."""
        if self.normalize in (None, "none"):
            return Tensor._of(self.counts.copy())
        axis = {"true": 1, "pred": 0, "all": None}[str(self.normalize)]
        total = self.counts.sum(axis, keepdims=True)
        return Tensor._of((self.counts / np.maximum(total, 1)).astype(np.float32))


class _OfConfusions(ConfusionMatrix):
    """A ratio of counts for each class, averaged over the classes."""

    def __init__(
        self,
        task: str,
        num_classes: int | None = None,
        average: str | None = "micro",
        *,
        threshold: float = 0.5,
        zero_division: float = 0.0,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(task, num_classes, threshold=threshold, ignore_index=ignore_index)
        if average not in AVERAGES:
            raise ArgumentError(
                "CR913",
                f"{type(self).__name__}: average={average!r}; give 'micro', 'macro', "
                "'weighted' or None (one value for each class)",
            )
        self.average = average
        self.zero_division = zero_division

    def compute(self) -> Any:
        """The value, a float; for average=None a tensor with one for each class.

        Raises: ArgumentError (CR714) where nothing was seen.
        """
        check_seen(self.counts.sum(), type(self).__name__)
        hits = self.counts.diagonal()
        wrong, missed = self.counts.sum(0) - hits, self.counts.sum(1) - hits
        if self.task == "binary":
            return float(self._ratios(hits, wrong, missed)[1])
        if self.average == "micro":
            return float(self._ratios(hits.sum(), wrong.sum(), missed.sum()))
        each = self._ratios(hits, wrong, missed)
        if self.average in (None, "none"):
            return Tensor._of(each.astype(np.float32))
        came = hits + wrong + missed > 0
        weights = hits + missed if self.average == "weighted" else came
        counted = ~np.isnan(each) & came
        if not weights[counted].sum():
            return float("nan")
        return float(np.average(each[counted], weights=weights[counted]))

    def _ratios(self, hits: Any, wrong: Any, missed: Any) -> np.ndarray:
        part, whole = self._fraction(hits, wrong, missed)
        return np.where(whole == 0, self.zero_division, part / np.where(whole == 0, 1, whole))

    def _fraction(self, hits: Any, wrong: Any, missed: Any) -> tuple[Any, Any]:
        raise NotImplementedError(f"{type(self).__name__} must define _fraction(…)")


class Precision(_OfConfusions):
    """How much of what was taken for a class belongs to it:  hits / (hits + wrong)

    Shapes: as for ConfusionMatrix

    Args:
        task: "binary" (the value of class 1) or "multiclass".
        num_classes: the number of classes; 2 for binary.
        average: micro (all counts together), macro (the mean over the classes that came),
            weighted (by how often each class came) or None (each class by itself).
        threshold: binary: above which probability the answer is 1.
        zero_division: the value of a class with nothing to divide by; NaN leaves it out.
        ignore_index: a target that does not count.

    Raises: as ConfusionMatrix; ArgumentError (CR714) where nothing was seen.

    Example:
        >>> import chainrule as cr
        >>> precision = Precision("binary")
        >>> precision.update(cr.tensor([0.9, 0.8, 0.1]), cr.tensor([1, 0, 1]))
        >>> precision.compute()
        0.5
    """

    def _fraction(self, hits: Any, wrong: Any, missed: Any) -> tuple[Any, Any]:
        return hits, hits + wrong


class Recall(_OfConfusions):
    """How much of a class was found:  hits / (hits + missed)

    Shapes, Args, Raises: as for Precision
    """

    def _fraction(self, hits: Any, wrong: Any, missed: Any) -> tuple[Any, Any]:
        return hits, hits + missed


class FBetaScore(_OfConfusions):
    """Precision and recall in one:  (1 + β²) hits / ((1 + β²) hits + β² missed + wrong)

    Shapes, Raises: as for Precision

    Args: beta: how much more recall counts than precision; the others as for Precision.
    """

    def __init__(
        self,
        task: str,
        beta: float = 1.0,
        num_classes: int | None = None,
        average: str | None = "micro",
        **options: Any,
    ) -> None:
        super().__init__(task, num_classes, average, **options)
        self.beta = beta

    def _fraction(self, hits: Any, wrong: Any, missed: Any) -> tuple[Any, Any]:
        weighted = (1 + self.beta**2) * hits
        return weighted, weighted + self.beta**2 * missed + wrong


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall:  2 hits / (2 hits + missed + wrong)

    Shapes, Args, Raises: as for Precision
    """

    def __init__(
        self,
        task: str,
        num_classes: int | None = None,
        average: str | None = "micro",
        **options: Any,
    ) -> None:
        super().__init__(task, 1.0, num_classes, average, **options)


def checked_classes(task: str, num_classes: int | None, name: str) -> int:
    """The number of classes of a task.

    Raises: ArgumentError (CR913) for another task, or without their number.
    """
    if task == "binary" and num_classes in (None, 2):
        return 2
    if task != "multiclass" or num_classes is None or num_classes < 2:
        raise ArgumentError(
            "CR913",
            f"{name}: task={task!r}, num_classes={num_classes}; give task='binary', or "
            "task='multiclass' with num_classes from 2 on",
        )
    return num_classes
