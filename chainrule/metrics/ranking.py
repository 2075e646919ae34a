"""How well scores put the right ones first: the area under the ROC curve, average precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.metrics.classification import checked_classes
from chainrule.metrics.metric import Metric, check_pair, check_seen, classes, scores, values
from chainrule.tensor.tensor import Tensor


class _Ranking(Metric):
    """Gathers all scores and targets; exact, with memory for each of them."""

    _counts = ("gathered_scores", "gathered_targets")

    def __init__(
        self,
        task: str,
        num_classes: int | None = None,
        average: str | None = "macro",
        *,
        ignore_index: int | None = None,
    ) -> None:
        self.task = task
        self.num_classes = checked_classes(task, num_classes, type(self).__name__)
        self.average = average
        self.ignore_index = ignore_index
        if average not in ("macro", "weighted", "none", None):
            raise ArgumentError(
                "CR913",
                f"{type(self).__name__}: average={average!r}; give 'macro', 'weighted' or None "
                "(one value for each class)",
            )
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self._parts = [(np.empty((0, *self._columns())), np.empty(0, np.int64))]

    def _columns(self) -> tuple[int, ...]:
        return () if self.task == "binary" else (self.num_classes,)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """See one more batch: preds (n,) of class 1, or (n, k), in any unit; target (n,)."""
        given, true = scores(preds, "preds"), values(target, "target")
        shape = ("n", *map(str, self._columns()))
        check_pair(
            true.ndim == 1 and given.shape == (len(true), *self._columns()),
            type(self).__name__,
            f"preds ({', '.join(shape)}{',' * (len(shape) == 1)}) with target (n,)",
            given,
            true,
        )
        counted = true != self.ignore_index
        self._parts.append((given[counted], classes(true[counted], self.num_classes, "target")))

    @property
    def gathered_scores(self) -> np.ndarray:
        """All scores seen, (n,) or (n, k)."""
        self._parts = [tuple(np.concatenate(p) for p in zip(*self._parts))]  # type: ignore
        return self._parts[0][0]

    @property
    def gathered_targets(self) -> np.ndarray:
        """All targets seen, (n,)."""
        return np.concatenate([targets for _, targets in self._parts])

    def _add(self, other: Any) -> None:
        self._parts = [*self._parts, *other._parts]

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Go on from what state_dict() gave.

        Raises: ArgumentError (CR912) where it is not of such a metric.
        """
        given = {name: np.array(values(x, name)) for name, x in state_dict.items()}
        n = np.size(given.get("gathered_targets", ()))
        fits = {"gathered_scores": (n, *self._columns()), "gathered_targets": (n,)}
        if {name: x.shape for name, x in given.items()} != fits:
            raise self._other_state(fits, given)
        self._parts = [(given["gathered_scores"], given["gathered_targets"])]

    def compute(self) -> Any:
        """The value, a float; for average=None a tensor with one for each class.

        Raises: ArgumentError (CR714) where nothing was seen, (CR914) where a class is missing.
        """
        p, true = self.gathered_scores, self.gathered_targets
        check_seen(len(true), type(self).__name__)
        if self.task == "binary":
            return self._of_class(p, true == 1, 1)
        if p.min() < 0 or p.max() > 1:  # logits: only probabilities compare across samples
            p = np.exp(p - p.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
        each = np.array(
            [self._of_class(p[:, k], true == k, k) for k in range(self.num_classes)]
        )
        if self.average in (None, "none"):
            return Tensor._of(each.astype(np.float32))
        weights = np.bincount(true, minlength=self.num_classes)
        return float(np.average(each, weights=weights if self.average == "weighted" else None))

    def _of_class(self, score: np.ndarray, positive: np.ndarray, k: int) -> float:
        if not positive.any() or positive.all():
            raise ArgumentError(
                "CR914",
                f"{type(self).__name__}: {int(positive.sum())} of {len(positive)} samples "
                f"are of class {k}; a ranking needs some that are and some that are not. Use "
                "more samples, or num_classes without it",
            )
        return float(self._value(score, positive))

    def _value(self, score: np.ndarray, positive: np.ndarray) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define _value(score, positive)")


class AUROC(_Ranking):
    """The area under the ROC curve: how likely a right one scores above a wrong one.

    A = (R - P (P + 1) / 2) / (P N), with R the sum of the ranks of the P right ones among the
    P + N, equal scores sharing theirs.

    Shapes: binary: preds (n,), target (n,); multiclass, each class against the rest: preds
    (n, k), target (n,)

    Args:
        task: "binary" or "multiclass".
        num_classes: k; 2 for binary.
        average: macro, weighted (by how often each class came) or None.
        ignore_index: a target that does not count.

    Raises: ShapeError (CR910); ArgumentError (CR911, CR913, CR914)

    Notes: exact. Scores outside [0, 1] are taken for logits.

    Example:
        >>> import chainrule as cr
        >>> area = AUROC("binary")
        >>> area.update(cr.tensor([0.1, 0.4, 0.35, 0.8]), cr.tensor([0, 0, 1, 1]))
        >>> area.compute()
        0.75
    """

    def _value(self, score: np.ndarray, positive: np.ndarray) -> float:
        _, which, counts = np.unique(score, return_inverse=True, return_counts=True)
        rank = (np.cumsum(counts) - (counts - 1) / 2)[which]
        right = int(positive.sum())
        above = rank[positive].sum() - right * (right + 1) / 2
        return above / (right * (len(positive) - right))


class AveragePrecision(_Ranking):
    """The area under precision over recall:  Σ (Rᵢ - Rᵢ₋₁) Pᵢ over all thresholds.

    Shapes, Args, Raises: as for AUROC

    Example:
        >>> import chainrule as cr
        >>> precision = AveragePrecision("binary")
        >>> precision.update(cr.tensor([0.9, 0.8, 0.7]), cr.tensor([1, 0, 1]))
        >>> round(precision.compute(), 4)
        0.8333
    """

    def _value(self, score: np.ndarray, positive: np.ndarray) -> float:
        order = np.argsort(-score, kind="stable")
        last = np.append(np.diff(score[order]) != 0, True)  # of each group of equal scores
        hits = np.cumsum(positive[order])[last]
        precision = hits / (np.flatnonzero(last) + 1)
        return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])
