"""Series: what a run measured again and again, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.journal.plain import number

HIGHER_IS_BETTER = (
    "accuracy", "auc", "f1", "precision", "recall", "score", "iou", "bleu", "r2",
)  # fmt: skip


@dataclass
class Series:
    """The values of one name, in the order of their steps."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: Any) -> None:
        """One more point; what is no number is left out."""
        found = number(value)
        if found is not None:
            self.steps.append(step)
            self.values.append(found)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values, by ascending step."""
        steps, values = np.asarray(self.steps, np.float64), np.asarray(self.values, np.float64)
        if np.any(np.diff(steps) < 0):
            order = np.argsort(steps, kind="stable")
            return steps[order], values[order]
        return steps, values

    def best(self, name: str) -> tuple[float, int] | None:
        """The best finite value and its step; None where there is none."""
        steps, values = self.arrays()
        finite = np.flatnonzero(np.isfinite(values))
        if len(finite) == 0:
            return None
        better = np.argmax if higher_is_better(name) else np.argmin
        at = finite[better(values[finite])]
        return float(values[at]), int(steps[at])


def higher_is_better(name: str) -> bool:
    """Whether the name is that of a score, not of a loss or an error."""
    return any(word in name.lower() for word in HIGHER_IS_BETTER)


def scalar_series(
    records: Iterable[dict[str, Any]],
) -> tuple[dict[str, Series], dict[str, Series]]:
    """The scalars by name: those of single steps, and those of whole epochs."""
    of_steps: dict[str, Series] = {}
    of_epochs: dict[str, Series] = {}
    for record in records:
        table = of_epochs if record.get("epoch_end") else of_steps
        step = record.get("step", 0)
        for name, value in _items(record.get("values")):
            series = table.get(name)
            if series is None:
                series = table[name] = Series()
            if type(value) is float:  # as nearly all are; a long journal takes its time here
                series.steps.append(step)
                series.values.append(value)
            else:
                series.add(step, value)
    return tuple({n: s for n, s in t.items() if s.steps} for t in (of_steps, of_epochs))  # type: ignore[return-value]


def layer_series(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Series]]:
    """What was seen of the layers: by quantity, then by layer."""
    found: dict[str, dict[str, Series]] = {}
    for step, layer, facts in layer_facts(records):
        for quantity, value in facts.items():
            if number(value) is not None:
                found.setdefault(quantity, {}).setdefault(layer, Series()).add(step, value)
    return found


def layer_facts(
    records: Iterable[dict[str, Any]],
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Step, layer and facts, one by one."""
    for record in records:
        for layer, facts in _items(record.get("layers")):
            if isinstance(facts, dict):
                yield record.get("step", 0), layer, facts


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()
