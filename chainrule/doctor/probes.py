"""Experiments that tell what looking on cannot: some steps under other conditions.

Each runs in a sandbox, which takes everything back, and leaves numbers in `record.trials`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.rollback import Rollback
from chainrule.doctor import measures
from chainrule.doctor.checks.generalization import LEARNED_ONE, teaches_nothing
from chainrule.doctor.checks.wiring import SLOW_MOMENTUM
from chainrule.doctor.facts import Record
from chainrule.doctor.remedies import REMEDIES, Scene
from chainrule.doctor.sandbox import sandbox
from chainrule.doctor.training_call import TrainingCall
from chainrule.nn.module import Module

FEWEST = 8  # steps that must be kept
ENOUGH_STEPS = 150  # after which a training should show something
STEPS, ONE_BATCH_STEPS = 50, 150
RATES = (1.0, 10.0, 100.0)  # times the learning rate, until one batch is learned
MOST_NEIGHBOURS = 1024  # samples of which the nearest other one is looked for
LAST = 20  # steps whose mean loss counts
MOST_CLASSES = 100
ALIKE = 1.5  # how often most samples come, by how often few do
SOME = 64  # first numbers of a batch, and last ones, that nearly always tell it from others
OUTLIER = 3.0  # standard deviations, at which a number stops to count more
FLAT, FLAT_EPOCHS = 0.01, 3  # improvement of the validation loss in the last epochs
LOWERED = 0.5  # learning rate by the highest
LEVEL = 0.98  # training loss by that of the steps before


class Probes:
    """The experiments on one training.

    Args:
        start: the state in which the training began.
        calls: steps that are kept.
    """

    def __init__(
        self,
        record: Record,
        model: Module,
        optimizers: Sequence[Any],
        start: Rollback,
        calls: Sequence[TrainingCall],
    ) -> None:
        self.record = record
        self.model = model
        self.optimizers = optimizers
        self.start = start
        self.calls = [call for call in calls if call.can_run and call.arrays]

    def run(self) -> bool:
        """Make those that there is a reason for, each once; whether there was any."""
        if len(self.calls) < FEWEST or self.record.adversarial:
            return False
        before = len(self.record.trials)
        self._count_repeated()
        for reason, name, experiment in (
            (self._averages(), "loss in training mode", self._compare_modes),
            (self._learns_nothing(), "one batch", self._compare_labels),
            (self._is_level(), "the same rate", self._compare_rates),
        ):
            if reason and name not in self.record.trials:
                try:
                    experiment()
                except Exception:  # the program's own code, run where it was not meant to be
                    self.record.trials[name] = math.nan
        return len(self.record.trials) > before or self.record.data.repeated_batches > 0

    def _count_repeated(self) -> None:
        """Count the batches that came again sample for sample."""
        arrays = [call.arrays[0] for call in self.calls]
        several, repeated = False, 0
        for seen in (_begin, _end, _whole):
            keys = [seen(array) for array in arrays]
            times = Counter(keys)
            arrays = [array for array, key in zip(arrays, keys, strict=True) if times[key] > 1]
            several |= len(times) > 1
            repeated = sum(count > 1 for count in times.values())
        self.record.data.repeated_batches = repeated if several else 0

    # -- reasons ------------------------------------------------------------------------------

    def _averages(self) -> bool:
        """Whether there are running statistics that may lag behind."""
        momenta = self.record.wiring.momentum_of_statistics.values()
        return any(m is not None and m < SLOW_MOMENTUM for m in momenta)

    def _learns_nothing(self) -> bool:
        return self.record.step >= ENOUGH_STEPS and teaches_nothing(self.record)

    def _is_level(self) -> bool:
        """Whether neither validation nor training loss falls any more."""
        scores = [
            e.validation_loss for e in self.record.epochs if e.validation_loss is not None
        ]
        if len(scores) > FLAT_EPOCHS:
            before, latest = scores[:-FLAT_EPOCHS], scores[-FLAT_EPOCHS:]
            if min(latest) < (1 - FLAT) * min(before):
                return False
        part = len(self.record.losses) // 4
        if part < STEPS // 2 or self._was_lowered():
            return False
        before_that = self.record.mean_loss(-2 * part, -part)
        now = self.record.mean_loss(-part, None)
        return before_that is not None and now is not None and now > LEVEL * before_that

    def _was_lowered(self) -> bool:
        """Whether a schedule has lowered the learning rate already."""
        seen = [*self.record.looks, *self.record.glances]
        now = [g["lr"] for each in self.optimizers for g in each.param_groups[:1] if "lr" in g]
        rates = [look.learning_rate for look in seen if look.learning_rate]
        return bool(now) and float(now[0]) < LOWERED * max(rates, default=0.0)

    # -- experiments --------------------------------------------------------------------------

    def _compare_modes(self) -> None:
        """The loss of a batch that was trained on, in training and in evaluation mode."""
        for training in (False, True):
            with sandbox(self.model, self.optimizers, self.calls):
                self.model.train(training)
                loss = Scene(self.model, self.optimizers, self.calls).step(self.calls[-1])
            mode = "training" if training else "evaluation"
            self.record.trials[f"loss in {mode} mode"] = loss

    def _compare_labels(self) -> None:
        """Whether a single batch can be learned, and whether true labels help with all."""
        trials = self.record.trials
        for factor in RATES:
            one = self._losses(self.calls[:1], ONE_BATCH_STEPS, factor=factor)
            trials["one batch"] = float(np.mean(one[-LAST:])) / one[0]
            trials["times the rate"] = factor
            if trials["one batch"] < LEARNED_ONE:
                break
        true, shuffled = (
            self._losses(calls, STEPS, factor=factor)
            for calls in (self.calls, self._shuffled())
        )
        differences = np.subtract(shuffled, true)[-LAST:]
        spread = float(np.std(differences)) / math.sqrt(LAST)
        trials["true labels"] = float(np.mean(differences)) / max(spread, 1e-12)
        inputs, targets, sample = self._samples()
        if inputs.dtype.kind == "f":
            once = np.unique(sample, return_index=True)[1]
            trials["a feature tells"] = _relation(inputs[once], targets[once])
            trials["a neighbour tells"] = _neighbours(inputs[once], targets[once])

    def _compare_rates(self) -> None:
        """From here on, with the learning rate as it is and with a tenth of it."""
        for name, factor in (("the same rate", 1.0), ("a tenth of the rate", 0.1)):
            losses = self._losses(self.calls, STEPS, from_start=False, factor=factor)
            self.record.trials[name] = float(np.mean(losses[-LAST:]))

    def _samples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs and targets of all kept steps, and which sample each of them is: one that
        comes again in every epoch, or one by itself where some come far more often."""
        inputs, targets = (
            np.concatenate([call.arrays[i] for call in self.calls]) for i in (0, -1)
        )
        hashes = measures.row_hashes(inputs)
        _, sample, times = np.unique(hashes, return_inverse=True, return_counts=True)
        seldom, often = np.percentile(times, (10, 75))
        return (
            inputs,
            targets,
            sample if often <= ALIKE * seldom + 1 else np.arange(len(inputs)),
        )

    def _shuffled(self) -> list[TrainingCall]:
        """The steps with targets that were exchanged among the samples."""
        _, targets, sample = self._samples()
        once = np.unique(sample, return_index=True)[1]
        targets = targets[np.random.default_rng(0).permutation(once)][sample]
        arrays = [call.arrays for call in self.calls]
        ends = np.cumsum([len(each[-1]) for each in arrays])[:-1]
        parts = np.split(targets, ends)
        return [
            call.with_arrays([*each[:-1], part])
            for call, each, part in zip(self.calls, arrays, parts, strict=True)
        ]

    def _losses(
        self,
        calls: Sequence[TrainingCall],
        steps: int,
        *,
        from_start: bool = True,
        factor: float = 1.0,
    ) -> list[float]:
        with sandbox(self.model, self.optimizers, self.calls):
            if from_start:
                self.start.undo()
            scene = Scene(self.model, self.optimizers, list(calls))
            REMEDIES["lr"](scene, factor)
            return [scene.step(calls[i % len(calls)]) for i in range(steps)]


def _begin(array: np.ndarray) -> bytes:
    return array.reshape(-1)[:SOME].tobytes()


def _end(array: np.ndarray) -> bytes:
    return array.reshape(-1)[-SOME:].tobytes()


def _whole(array: np.ndarray) -> int:
    return hash(array.tobytes())


def _relation(inputs: np.ndarray, targets: np.ndarray) -> float:
    """How far the strongest correlation of a feature with the targets, or with one class, lies
    beyond the strongest that chance gives, in standard errors."""
    x = _scaled(inputs.reshape(len(inputs), -1))
    if targets.dtype.kind in "iu":
        classes = np.unique(targets)[:MOST_CLASSES]
        targets = targets.reshape(len(targets), -1)[:, :1] == classes
    y = _scaled(targets.reshape(len(targets), -1))
    found = np.abs(x.T @ y) / math.sqrt(len(x))
    by_chance = math.sqrt(2 * math.log(2 * found.size))
    return float(found.max()) - by_chance


def _neighbours(inputs: np.ndarray, targets: np.ndarray) -> float:
    """How far samples agree with the targets of those that lie nearest, beyond what chance
    gives, in standard errors."""
    x = _scaled(inputs.reshape(len(inputs), -1))[:MOST_NEIGHBOURS]
    targets = targets.reshape(len(targets), -1)[:MOST_NEIGHBOURS]
    distance = (x * x).sum(axis=1) - 2 * x @ x.T  # less what is the same for a whole row
    np.fill_diagonal(distance, np.inf)
    nearest = targets[distance.argmin(axis=1)]
    if targets.dtype.kind in "iu":
        targets, nearest = targets[:, :1], nearest[:, :1]
        shares = np.unique(targets, return_counts=True)[1] / len(targets)
        chance = float((shares**2).sum())
        spread = math.sqrt(max(chance * (1 - chance), 1e-12))
        return (float((targets == nearest).mean()) - chance) / spread * math.sqrt(len(x))
    found = np.abs((_scaled(targets) * _scaled(nearest)).mean(axis=0)).max()
    return float(found) * math.sqrt(len(x)) - math.sqrt(2 * math.log(2 * targets.shape[1]))


def _scaled(columns: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and deviation 1, in which no single number counts much."""
    mean, std = columns.mean(axis=0), columns.std(axis=0)
    scaled = (columns - mean) / np.where(std > 0, std, 1)
    return np.clip(scaled, -OUTLIER, OUTLIER).astype(np.float32)
