"""Series: what a run measured again and again, by name."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any

import numpy as np

from chainrule.journal.plain import number

HIGHER_IS_BETTER = (
    "accuracy", "auc", "f1", "precision", "recall", "score", "iou", "bleu", "r2",
)  # fmt: skip

BLOCK = 256  # records that are read column by column: as many as the caches hold


@dataclass
class Series:
    """The values of one name, in the order of their steps."""

    steps: list[int] = field(default_factory=list)
    values: array[float] = field(default_factory=lambda: array("d"))  # 8 bytes for each
    _known: tuple[np.ndarray, np.ndarray] | None = field(
        default=None, repr=False, compare=False
    )

    def add(self, step: int, value: Any) -> None:
        """One more point; what is no number is left out."""
        found = number(value)
        if found is not None:
            self.steps.append(step)
            self.values.append(found)

    def extend(self, steps: Sequence[int], values: Sequence[Any]) -> None:
        """More points; what is no number is left out."""
        if set(map(type, values)) == {float}:  # as nearly always; a long journal is read here
            self.steps.extend(steps)
            self.values.extend(values)
            return
        for step, value in zip(steps, values, strict=True):
            self.add(step, value)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values, by ascending step."""
        if self._known is None or len(self._known[0]) != len(self.steps):
            self._known = self._sorted()
        return self._known

    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        steps, values = np.array(self.steps, np.float64), np.array(self.values, np.float64)
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
    tables: tuple[dict[str, Series], dict[str, Series]] = {}, {}
    for of_epochs, names, block in _blocks(records):
        table = tables[of_epochs]
        steps = [record.get("step", 0) for record in block]
        columns = zip(*(record["values"].values() for record in block), strict=True)
        for name, values in zip(names, columns, strict=True):
            table.setdefault(name, Series()).extend(steps, values)
    of_steps, of_epochs_ = ({n: s for n, s in t.items() if s.steps} for t in tables)
    return of_steps, of_epochs_


def _blocks(
    records: Iterable[dict[str, Any]],
) -> Iterator[tuple[bool, tuple[str, ...], list[dict[str, Any]]]]:
    """Records that follow each other and have the same names: their values are columns."""
    place = count()

    def shape(record: dict[str, Any]) -> tuple[int, bool, tuple[str, ...]]:
        return next(place) // BLOCK, bool(record.get("epoch_end")), tuple(record["values"])

    known = (record for record in records if isinstance(record.get("values"), dict))
    for (_, of_epochs, names), block in groupby(known, shape):
        yield of_epochs, names, list(block)


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
