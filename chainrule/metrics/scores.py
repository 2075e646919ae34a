"""The mean of numbers, and the fraction of samples that are right."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.metrics.metric import Metric, check_seen, classes, scores, values
from chainrule.tensor.tensor import Tensor


class Mean(Metric):
    """The weighted mean of numbers seen so far:  Σ wᵢ xᵢ / Σ wᵢ

    Example:
        >>> loss = Mean()
        >>> loss.update(1.0, weight=3)
        >>> loss.update(2.0, weight=1)
        >>> loss.compute()
        1.25
    """

    _counts = ("total", "weight")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.total = 0.0
        self.weight = 0.0

    def update(self, value: float | Tensor, weight: float = 1) -> None:
        """See one more number; a batch's mean counts with its number of samples."""
        self.total += float(value) * weight
        self.weight += weight

    def compute(self) -> float:
        """The mean; NaN where nothing was seen."""
        return self.total / self.weight if self.weight else float("nan")


class Accuracy(Metric):
    """The fraction of samples whose class is among the `top_k` with the highest scores.

    Shapes: outputs (n, k, …) scores or (n, …) classes, targets (n, …); for task="binary" both
    (n, …), outputs as in Precision

    Args:
        task: "multiclass" (as without it) or "binary".
        num_classes: targets outside 0 to num_classes - 1 are refused; of scores it is k.
        threshold: binary: from which probability on the answer is 1.
        top_k: among how many; with equal scores the lower class comes first.
        ignore_index: a target that does not count.

    Raises: ShapeError (CR713) where outputs and targets do not belong together; ArgumentError
    (CR911) for targets that are no classes.

    Example:
        >>> import chainrule as cr
        >>> accuracy = Accuracy()
        >>> accuracy.update(cr.tensor([[2.0, 1.0], [0.0, 3.0]]), cr.tensor([0, 0]))
        >>> accuracy.compute()
        0.5
    """

    _counts = ("correct", "seen")

    def __init__(
        self,
        task: str | None = None,
        num_classes: int | None = None,
        *,
        threshold: float = 0.5,
        top_k: int = 1,
        ignore_index: int | None = None,
    ) -> None:
        if task not in (None, "binary", "multiclass") or top_k < 1:
            raise ArgumentError(
                "CR913",
                f"Accuracy: task={task!r}, top_k={top_k}; give 'binary' or 'multiclass', and a "
                "top_k from 1 on",
            )
        self.task = task
        self.num_classes = num_classes
        self.threshold = threshold
        self.top_k = top_k
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.correct = 0
        self.seen = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """See one more batch."""
        if self.task == "binary":
            found = binary_classes(outputs, self.threshold)
            right = _same_shape(found, targets) == values(targets, "the targets")
        else:
            right = self._among_the_highest(values(outputs, "the outputs"), targets)
        counted = values(targets, "the targets") != self.ignore_index
        self.correct += int((right & counted).sum())
        self.seen += int(counted.sum())

    def _among_the_highest(self, outputs: np.ndarray, targets: Any) -> np.ndarray:
        if outputs.shape == np.shape(targets) and self.top_k == 1:
            return outputs == self._known(targets, self.num_classes)
        fits = outputs.ndim > 1 and outputs.shape[:1] + outputs.shape[2:] == np.shape(targets)
        if not fits:
            raise _mismatch(outputs, targets)
        known = self._known(targets, self.num_classes or outputs.shape[1])
        if self.top_k == 1:
            return outputs.argmax(1) == known
        at = np.where(known == self.ignore_index, 0, known)[:, None]
        own = np.take_along_axis(scores(outputs, "the outputs"), at, 1)
        before = np.arange(outputs.shape[1]).reshape(1, -1, *[1] * (outputs.ndim - 2)) < at
        ahead = (outputs > own) | ((outputs == own) & before)
        return ahead.sum(1) < self.top_k

    def _known(self, targets: Any, count: int | None) -> np.ndarray:
        """The targets, if they are classes; those that do not count stay as they are."""
        given = values(targets, "the targets")
        counted = given != self.ignore_index
        named = given.astype(np.int64)
        named[counted] = classes(given[counted], count, "the targets")
        return named

    def compute(self) -> float:
        """The fraction, between 0 and 1.

        Raises: ArgumentError (CR714) where nothing was seen.
        """
        check_seen(self.seen, "accuracy")
        return self.correct / self.seen


def binary_classes(outputs: Any, threshold: float) -> np.ndarray:
    """0 or 1 for each: of classes, probabilities, or logits where one is not in [0, 1]."""
    given = values(outputs, "the outputs")
    if given.dtype.kind != "f":
        return classes(given, 2, "the outputs")
    p = scores(given, "the outputs")
    if p.size and (p.min() < 0 or p.max() > 1):
        p = np.exp(-np.logaddexp(0, -p))  # logits
    return (p > threshold).astype(np.int64)


def _same_shape(outputs: np.ndarray, targets: Any) -> np.ndarray:
    if outputs.shape != np.shape(targets):
        raise _mismatch(outputs, targets)
    return outputs


def _mismatch(outputs: np.ndarray, targets: Any) -> ShapeError:
    return ShapeError(
        "CR713",
        f"accuracy compares outputs (n, classes) or (n,) with targets (n,), got "
        f"{outputs.shape} and {tuple(np.shape(targets))}; one-hot targets become classes by "
        "targets.argmax(1)",
    )
