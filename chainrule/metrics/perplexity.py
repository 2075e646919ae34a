"""Perplexity, the score of language models."""

from __future__ import annotations

import math

import numpy as np

from chainrule.metrics.metric import Metric, check_pair, check_seen, classes, scores, values
from chainrule.tensor.tensor import Tensor


class Perplexity(Metric):
    """Among how many tokens the model hesitates:  exp(-Σ log p(target) / n)

    Shapes: preds (…, k) logits or log-probabilities, target (…)

    Args: ignore_index: a target that does not count, padding for instance.

    Raises: ShapeError (CR910); ArgumentError (CR911) for NaN and targets that are no classes.

    Example:
        >>> import chainrule as cr
        >>> perplexity = Perplexity()
        >>> perplexity.update(cr.zeros(2, 3, 8), cr.zeros(2, 3, dtype=cr.int64))
        >>> round(perplexity.compute(), 4)
        8.0
    """

    _counts = ("total", "seen")

    def __init__(self, ignore_index: int | None = None) -> None:
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.total = 0.0
        self.seen = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """See one more batch."""
        logits, true = scores(preds, "preds"), values(target, "target")
        check_pair(
            logits.ndim > 0 and logits.shape[:-1] == true.shape,
            "Perplexity",
            "preds (…, classes) with target (…)",
            logits,
            true,
        )
        counted = true != self.ignore_index
        logits = logits[counted]  # (m, k)
        named = classes(true[counted], logits.shape[-1], "target")
        highest = logits.max(1, initial=-np.inf)
        own = logits[np.arange(len(named)), named] - highest
        total = np.log(np.exp(logits - highest[:, None]).sum(1))
        self.total += float((total - own).sum())
        self.seen += len(named)

    def compute(self) -> float:
        """1 for a model that is always certain and right, k for one that guesses.

        Raises: ArgumentError (CR714) where nothing was seen.
        """
        check_seen(self.seen, "perplexity")
        mean = self.total / self.seen
        return math.exp(mean) if mean < 709 else math.inf
