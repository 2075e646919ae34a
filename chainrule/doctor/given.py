"""What a loss function was given: outputs and targets, and what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.doctor import measures
from chainrule.doctor.facts import Look, Record
from chainrule.tensor.tensor import Tensor

MOST_TARGETS = 1000  # distinct values that are counted
OF_CLASSES = ("cross_entropy", "nll_loss", "multi_margin_loss")
OF_TWO = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0}  # threshold


@dataclass(slots=True)
class Given:
    """One call of a loss function."""

    name: str
    arguments: tuple[Any, ...]
    loss: Any

    @property
    def value(self) -> float | None:
        """The loss, where it is a single number."""
        array = measures.numbers(self.loss)
        return float(array.reshape(-1)[0]) if array.size == 1 else None

    @property
    def mean(self) -> float:
        """The loss for one target, however it was reduced."""
        array = measures.numbers(self.loss)
        value = float(array.mean()) if array.size else 0.0
        if "sum" not in [a for a in self.arguments if isinstance(a, str)]:
            return value
        outputs, targets = self.arrays()
        counted = outputs if targets is None else targets
        return value / max(counted.size, 1)

    def arrays(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The outputs, and the targets if they are a tensor."""
        outputs = measures.numbers(self.arguments[0])
        target = self.arguments[1] if len(self.arguments) > 1 else None
        return outputs, target._cell.array if isinstance(target, Tensor) else None

    def held(self) -> Given:
        """The same, with the numbers that there are now; the tensors may get others."""
        now = (
            Tensor._wrap(a._cell.array) if isinstance(a, Tensor) else a for a in self.arguments
        )
        return Given(self.name, tuple(now), self.loss)

    def tell(self, record: Record, look: Look) -> None:
        """Write down what there is to see."""
        outputs, targets = self.arrays()
        facts = record.loss
        facts.name = self.name
        facts.input_shape = tuple(outputs.shape)
        facts.input = measures.spread(outputs)
        facts.probabilities = measures.are_probabilities(outputs)
        facts.across_samples = not facts.probabilities and self._is_across_samples(outputs)
        rows = outputs.reshape(len(outputs), -1) if outputs.ndim > 1 else outputs[None]
        facts.silent_classes = int(np.sum(~np.any(rows != 0, axis=0)))
        facts.weighted = any(isinstance(a, Tensor) for a in self.arguments[2:])
        if targets is not None:
            facts.target_shape = tuple(targets.shape)
            facts.per_sample = targets.size == record.data.last_batch
            facts.retrieval = _is_retrieval(outputs, targets)
            self._tell_targets(record, targets)
            labels, answers = self.answers()
            if labels is not None and answers is not None and labels.size:
                look.accuracy = float(np.mean(labels == answers))
                look.recalls = measures.recalls(labels, answers)[0]

    def _is_across_samples(self, outputs: np.ndarray) -> bool:
        if outputs.ndim != 2 or min(outputs.shape) < 2:
            return False
        of_logarithms = self.name == "nll_loss" and outputs.max() <= 0
        return measures.are_probabilities((np.exp(outputs) if of_logarithms else outputs).T)

    def _tell_targets(self, record: Record, targets: np.ndarray) -> None:
        data = record.data
        found = measures.spread(targets)
        data.bad_targets += found.nonfinite
        data.targets = data.targets_of[self.name] = found.joined(data.targets_of.get(self.name))
        data.first_targets.setdefault(self.name, found)
        values = np.unique(targets[:MOST_TARGETS])
        data.distinct_targets = max(len(values), data.distinct_targets or 0)
        with np.errstate(invalid="ignore"):
            data.targets_are_whole = bool(np.all(values == np.floor(values)))
        if (labels := self.answers()[0]) is not None:
            classes, counts = np.unique(labels, return_counts=True)
            data.class_counts.update(dict(zip(classes.tolist(), counts.tolist(), strict=True)))

    def answers(self) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
        """The true classes and those that the outputs stand for, where there are classes."""
        outputs, targets = self.arrays()
        if targets is None:
            return None, None
        if self.name in OF_CLASSES and outputs.ndim > 1 and targets.dtype.kind in "iu":
            labels, answers = targets.reshape(-1), outputs.argmax(axis=1).reshape(-1)
            kept = labels >= 0  # others are ignored by the loss
            return (labels, answers) if kept.all() else (labels[kept], answers[kept])
        if self.name in OF_TWO and _are_zero_or_one(targets):
            answers = outputs > OF_TWO[self.name]
            return targets.reshape(-1).astype(np.int64), answers.reshape(-1).astype(np.int64)
        return None, None


def _is_retrieval(outputs: np.ndarray, targets: np.ndarray) -> bool:
    """Whether each sample of a batch is to find its own partner among all."""
    n = len(outputs)
    square = outputs.shape == (n, n) and targets.shape == (n,)
    return square and n > 1 and len(np.unique(targets)) == n


def _are_zero_or_one(targets: np.ndarray) -> bool:
    return bool(np.all((targets == 0) | (targets == 1)))
