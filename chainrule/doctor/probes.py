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
from chainrule.doctor.facts import Record
from chainrule.doctor.remedies import REMEDIES, Scene
from chainrule.doctor.sandbox import sandbox
from chainrule.doctor.training_call import EagerCall, TrainingCall
from chainrule.nn.module import Module
from chainrule.tensor.grad_mode import no_grad

FEWEST = 8  # steps that must be kept
ENOUGH_STEPS = 150  # after which a training should show something
STEPS, ONE_BATCH_STEPS = 50, 150
LAST = 20  # steps whose mean loss counts
NEAR_BASELINE, STUCK = 0.1, 0.9  # accuracy above the baseline; loss by the first
FLAT, FLAT_EPOCHS = 0.01, 3  # improvement of the validation loss in the last epochs
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
        self.calls = [call for call in calls if call.can_run]

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
        times = Counter(hash(np.ascontiguousarray(array).tobytes()) for array in arrays)
        repeated = sum(count > 1 for count in times.values())
        self.record.data.repeated_batches = repeated if len(times) > 1 else 0

    # -- reasons ------------------------------------------------------------------------------

    def _averages(self) -> bool:
        return bool(self.record.wiring.momentum_of_statistics)

    def _learns_nothing(self) -> bool:
        r = self.record
        if r.accuracy is None or r.baseline is None or r.step < ENOUGH_STEPS:
            return False
        return r.accuracy - r.baseline < NEAR_BASELINE and (r.fallen or 1.0) > STUCK

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
        if part < STEPS // 2:
            return False
        before_that = self.record.mean_loss(-2 * part, -part)
        now = self.record.mean_loss(-part, None)
        return before_that is not None and now is not None and now > LEVEL * before_that

    # -- experiments --------------------------------------------------------------------------

    def _compare_modes(self) -> None:
        """The loss of a batch that was trained on, in training and in evaluation mode."""
        call = self.calls[-1]
        if not isinstance(call, EagerCall):
            return
        with sandbox(self.model, self.optimizers, self.calls), no_grad():
            for training in (False, True):
                self.model.train(training)
                loss = float(call.loss_of({}, lambda y: y, {}).mean().item())
                mode = "training" if training else "evaluation"
                self.record.trials[f"loss in {mode} mode"] = loss

    def _compare_labels(self) -> None:
        """Whether a single batch can be learned, and whether true labels help with all."""
        trials = self.record.trials
        one = self._losses(self.calls[:1], ONE_BATCH_STEPS)
        trials["one batch"] = float(np.mean(one[-LAST:])) / one[0]
        true, shuffled = self._losses(self.calls, STEPS), self._losses(self._shuffled(), STEPS)
        differences = np.subtract(shuffled, true)[-LAST:]
        spread = float(np.std(differences)) / math.sqrt(LAST)
        trials["true labels"] = float(np.mean(differences)) / max(spread, 1e-12)

    def _compare_rates(self) -> None:
        """From here on, with the learning rate as it is and with a tenth of it."""
        for name, factor in (("the same rate", 1.0), ("a tenth of the rate", 0.1)):
            losses = self._losses(self.calls, STEPS, from_start=False, factor=factor)
            self.record.trials[name] = float(np.mean(losses[-LAST:]))

    def _shuffled(self) -> list[TrainingCall]:
        """The steps with targets that were exchanged among all samples."""
        arrays = [call.arrays for call in self.calls]
        targets = np.concatenate([each[-1] for each in arrays])
        targets = targets[np.random.default_rng(0).permutation(len(targets))]
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
