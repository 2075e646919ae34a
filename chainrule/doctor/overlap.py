"""Samples that are trained on and validated on: how many, beyond those that chance makes alike.

Samples are compared by their inputs, and by inputs and targets together, of which fewer are
alike by chance.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from chainrule.doctor import measures
from chainrule.doctor.facts import DataFacts
from chainrule.doctor.training_call import EagerCall, TrainingCall

MOST_ROWS, MOST_TRAINED = 2048, 8192  # samples that are compared
SOME_ROWS, SOME_COLUMNS = 256, 64  # that show how often samples are equal by chance
WHOLE, AGAIN, NEW = 0.99, 0.9, 0.01  # shares of samples
FEW = 3.0  # of events that were not seen once, what there may be
SIGNIFICANT = 3.0  # standard deviations


class Part:
    """The inputs of a batch, or its targets: a row for each sample."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows

    @cached_property
    def hashes(self) -> list[int]:
        """A number for each row, equal for equal rows."""
        return measures.row_hashes(self._rows)

    @cached_property
    def some(self) -> np.ndarray:
        """Some of the rows, at some places; the others are not held by it."""
        rows = self._rows[:SOME_ROWS]
        if not rows.size:
            return np.zeros((len(rows), 0))
        places = rows.reshape(len(rows), -1)
        return places[:, :: -(-places.shape[1] // SOME_COLUMNS)].copy()


class Samples:
    """Samples in batches, each a number that is equal for equal samples."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self._some: list[list[np.ndarray]] = []  # of each batch, as far as it was kept

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    def add(self, parts: Sequence[Part]) -> None:
        """One more batch, of which all parts together make the samples."""
        each = [part.hashes for part in parts]
        self.batches.append(each[0] if len(each) == 1 else list(map(hash, zip(*each))))

    def keep_some(self, parts: Sequence[Part]) -> None:
        """Keep some of the numbers of a batch."""
        self._some.append([part.some for part in parts])

    @property
    def chance(self) -> float:
        """How likely two different samples are equal: in all places, of which as many as half
        may follow from the others."""
        likely = (
            math.prod(x for some in parts for x in _chances(some)) for parts in self._some
        )
        return math.sqrt(max(likely, default=0.0))

    @property
    def all(self) -> list[int]:
        return [sample for batch in self.batches for sample in batch]

    def latest_epoch(self) -> list[int]:
        """The samples of the last batches, until nearly all of one were there before."""
        epoch: list[int] = []
        seen: set[int] = set()
        for batch in reversed(self.batches):
            if sum(sample in seen for sample in batch) > AGAIN * len(batch):
                break
            epoch += batch
            seen.update(batch)
        return epoch


class Overlap:
    """Validation samples of a first epoch, to be compared with those trained on."""

    def __init__(self) -> None:
        self._validated = Samples(), Samples()  # by their inputs; with their targets
        self._is_counted = False

    @property
    def wants_more(self) -> bool:
        """Whether samples are still collected."""
        return not self._is_counted and len(self._validated[0]) < MOST_ROWS

    def add(self, inputs: np.ndarray, targets: np.ndarray | None) -> None:
        """The samples of one pass of validation."""
        most = MOST_ROWS - len(self._validated[0])
        made_of = _parts(inputs, targets, most)
        for samples, parts in zip(self._validated, made_of, strict=False):
            samples.keep_some(parts)
            samples.add(parts)

    def count(self, data: DataFacts, calls: Iterable[TrainingCall]) -> None:
        """Note how many of them were trained on, once, after the first epoch."""
        if self._is_counted or not self._validated[0].batches:
            return
        self._is_counted = True
        calls = list(calls)
        for number, validated in enumerate(self._validated):
            if len(validated.batches) < len(self._validated[0].batches):
                return  # there are no targets
            if not _compare(data, validated, _trained(calls, number)):
                return  # whose inputs differ, differ with their targets


def _parts(inputs: np.ndarray, targets: np.ndarray | None, most: int) -> list[list[Part]]:
    """What makes the first samples: their inputs; and with these the targets, where they are
    known."""
    given = Part(inputs[:most])
    if targets is None or targets.ndim == 0 or len(targets) != len(inputs):
        return [[given]]
    numbers = targets[:most].reshape(len(targets[:most]), -1).astype(np.float64)
    return [[given], [given, Part(numbers)]]


def _trained(calls: Iterable[TrainingCall], number: int) -> Samples:
    """The samples of steps of training, made of the parts of that number."""
    found = Samples()
    for call in calls:
        arrays = call.given if isinstance(call, EagerCall) else call.arrays
        target = call.target._cell.array if call.can_run and call.arrays else None
        for array in arrays:
            known = len(found) >= MOST_TRAINED or array is target
            if array.dtype.kind == "f" and array.ndim > 1 and not known:
                for parts in _parts(array, target, MOST_TRAINED)[number : number + 1]:
                    found.add(parts)
    return found


def _compare(data: DataFacts, validated: Samples, trained: Samples) -> bool:
    """Note how many samples are common; whether any are."""
    rows, seen = validated.all, set(trained.all)
    common = sum(row in seen for row in rows)
    if not common or not _are_twins(validated, trained):
        _note_common(data, validated, seen, common / len(rows))
    return bool(common)  # as they are in a truth table, where they come again by themselves


def _note_common(data: DataFacts, validated: Samples, seen: set[int], share: float) -> None:
    shares = [sum(row in seen for row in batch) / len(batch) for batch in validated.batches]
    whole = [share > WHOLE for share in shares]
    if all(whole):
        data.validated_on_training = len(validated) >= WHOLE * len(seen)
    elif any(whole) and not any(NEW < share <= WHOLE for share in shares):
        return  # both the training and the validation data were gone through
    data.overlap = max(share, data.overlap or 0.0)


def _are_twins(validated: Samples, trained: Samples) -> bool:
    """Whether no more samples are common than come again by themselves: seen from how often
    values do, from twins in the validation, and from those in one epoch of training."""
    rows, epoch = validated.all, trained.latest_epoch()
    if validated.chance * len(rows) * len(trained) < 1:
        return False
    times = Counter(epoch)
    share = min(1.0, _at_most(sum(times[row] > 1 for row in epoch)) / len(epoch))
    usual = share * len(rows)
    usual += SIGNIFICANT * math.sqrt(usual * (1 - share))
    pairs = sum(n * (n - 1) // 2 for n in Counter(rows).values())
    within = 2 * len(epoch) / len(rows) * _at_most(pairs)
    return sum(row in times for row in rows) <= min(usual, within)


def _at_most(seen: int) -> float:
    """How many events there may be where so many were seen."""
    return seen + 2 * math.sqrt(seen) + FEW


def _chances(rows: np.ndarray) -> list[float]:
    """How likely two different rows are equal at each place."""
    pairs = len(rows) * (len(rows) - 1)
    if not pairs or not rows.size:
        return [1.0]
    return (np.maximum(_equal_pairs(rows), 1.0) / pairs).tolist()


def _equal_pairs(x: np.ndarray) -> np.ndarray:
    """In each column, how many of the pairs of different rows have the same value."""
    ordered, row = np.sort(x, axis=0), np.arange(len(x))[:, None]
    is_new = np.ones(x.shape, bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(is_new, row, 0), axis=0)  # with its value
    return 2 * (row - first).sum(axis=0)
