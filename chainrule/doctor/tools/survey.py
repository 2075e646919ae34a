"""What is collected about data while it is read once: statistics, classes, rows, order."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from chainrule.doctor.tools.columns import Columns
from chainrule.doctor.tools.reading_data import Block

MOST_VALUES = 1000  # distinct targets; with more they are no classes
Kind = tuple[tuple[int, ...], str]  # the shape of a sample and its type


@dataclass
class Survey:
    """The data as far as it was read.

    Args:
        columns: by the name of the input.
        kinds: of each input, by which batch had it first.
        classes: how often each target value came; empty where targets are no single numbers.
        seen: rows by their hash, with the first sample that has it and its target.
        repeated, contradicting: rows that came before, and with another target.
        per_batch: of each batch its size, distinct targets and their mean.
    """

    samples: int = 0
    batches: int = 0
    total: int | None = None
    columns: dict[str, Columns] = field(default_factory=dict)
    targets: Columns | None = None
    kinds: dict[str, dict[Kind, int]] = field(default_factory=dict)
    classes: Counter[float] = field(default_factory=Counter)
    single: bool = True  # each target is one number
    seen: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    repeated: list[tuple[int, int]] = field(default_factory=list)
    contradicting: list[tuple[int, int]] = field(default_factory=list)
    per_batch: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Take in a block."""
        for name, x in block.inputs.items():
            self._add_values(name, x, block.numbers)
        if block.targets is not None and block.targets.dtype.kind in "fiub":
            self._add_targets(block)
        self._add_rows(block)
        self.samples += block.size
        self.batches += 1

    def _add_values(self, name: str, x: np.ndarray, numbers: np.ndarray) -> None:
        kinds = self.kinds.setdefault(name, {})
        kinds.setdefault((x.shape[1:], str(x.dtype)), self.batches)
        if x.dtype.kind not in "fiub" or len(x) == 0:
            return
        if name not in self.columns:
            self.columns[name] = Columns(x[0])
        if self.columns[name].shape == x.shape[1:]:
            self.columns[name].add(x, numbers)

    def _add_targets(self, block: Block) -> None:
        y = block.targets
        assert y is not None
        kinds = self.kinds.setdefault("targets", {})
        kinds.setdefault((y.shape[1:], str(y.dtype)), self.batches)
        if self.targets is None:
            self.targets = Columns(y[0])
        if self.targets.shape == y.shape[1:]:
            self.targets.add(y, block.numbers)
        self.single = self.single and y.size == len(y)
        if self.single:
            values, counts = np.unique(y.astype(float), return_counts=True)
            if len(self.classes) <= MOST_VALUES:
                self.classes.update(dict(zip(values.tolist(), counts.tolist())))
            mean = float(np.mean(y, dtype=float))
            self.per_batch.append((len(y), len(values), mean))

    def _add_rows(self, block: Block) -> None:
        targets = block.targets
        for i, row in enumerate(row_hashes(block)):
            number = int(block.numbers[i])
            own = b"" if targets is None else np.ascontiguousarray(targets[i]).tobytes()
            if row not in self.seen:
                self.seen[row] = number, own
                continue
            first, target = self.seen[row]
            self.repeated.append((first, number))
            if target != own:
                self.contradicting.append((first, number))

    @property
    def are_classes(self) -> bool:
        """Whether the targets look like classes: few whole numbers that come again."""
        if not self.single or not self.classes or self.targets is None:
            return False
        few = len(self.classes) <= max(2, min(MOST_VALUES, self.samples // 5))
        whole = all(value == round(value) for value in self.classes if np.isfinite(value))
        return whole and few and (self.targets.dtype.kind in "iub" or len(self.classes) <= 20)

    def statistics(self) -> dict[str, dict[str, float | str | list[int]]]:
        """Shape, type, mean, spread and range of each input and of the targets."""
        parts = dict(self.columns) | ({"targets": self.targets} if self.targets else {})
        return {
            name: {"shape": list(c.shape), "dtype": str(c.dtype), **c.overall()}
            for name, c in parts.items()
        }


def row_hashes(block: Block) -> list[bytes]:
    """A hash of each sample's inputs, whatever the width of their type."""
    rows = [
        x.astype(np.float32 if x.dtype.kind == "f" else np.int64).reshape(block.size, -1)
        for x in block.inputs.values()
        if len(x) == block.size and x.dtype.kind in "fiub"
    ]
    return [
        hashlib.blake2b(b"".join(x[i].tobytes() for x in rows), digest_size=12).digest()
        for i in range(block.size if rows else 0)
    ]
