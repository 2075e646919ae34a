"""Trials of remedies: some steps from the beginning, as they were and with the change.

Everything is put back afterwards: weights, optimizer, random numbers, modes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.compiler.rollback import Rollback
from chainrule.doctor.finding import Finding
from chainrule.doctor.remedies import REMEDIES, Scene
from chainrule.doctor.sandbox import sandbox
from chainrule.doctor.training_call import EagerCall, TrainingCall
from chainrule.nn.module import Module

STEPS = 50
FEWEST = 8  # batches that a trial needs
BETTER = 0.9  # loss with the change, by the loss without
LEAST = 0.005  # fall of the loss, by the first loss, that is more than noise
LAST = 10  # steps whose mean loss counts


@dataclass(slots=True)
class Outcome:
    """What a trial showed."""

    steps: int
    before: float  # mean loss of the last steps as it was; may be NaN
    after: float  # and with the change
    first: float  # the first loss with the change

    @property
    def helped(self) -> bool:
        if not math.isfinite(self.after):
            return False
        if not math.isfinite(self.before) or self.after < BETTER * self.before:
            return True
        fall = self.first - self.after
        return fall > LEAST * self.first and fall > 2 * max(self.first - self.before, 0.0)

    def __str__(self) -> str:
        return (
            f"{self.steps} steps from the beginning: loss {self.after:.4g} with the change, "
            f"{self.before:.4g} without"
        )


class Trial:
    """Runs kept steps again.

    Args:
        start: the state in which the training began.
        calls: steps whose batches are run through, again and again.
        seen: the losses of the training, from its first step on.
    """

    def __init__(
        self,
        model: Module,
        optimizers: Sequence[Any],
        start: Rollback,
        calls: Sequence[TrainingCall],
        seen: Sequence[float],
    ) -> None:
        self.model = model
        self.optimizers = optimizers
        self.start = start
        self.calls = list(calls)
        self.seen = list(seen)

    def verify(self, finding: Finding) -> bool:
        """Try the change of a finding and note the outcome; False where that cannot be."""
        remedy = finding.remedy
        if remedy is None or remedy[0] not in REMEDIES or len(self.calls) < FEWEST:
            return False
        if not all(call.can_run for call in self.calls):
            finding.trial = "not tried: the loss is a formula that only the program can repeat"
            return False
        try:
            outcome = self.compare(remedy)
            if not outcome.helped and finding.otherwise is not None:
                outcome = self.compare(finding.otherwise)
                finding.remedy = finding.otherwise
        except Exception as error:  # what the program's code does with a change is its own
            finding.trial = f"not tried: {type(error).__name__}: {error}"
            return False
        finding.verified, finding.trial = outcome.helped, str(outcome)
        return True

    def compare(self, remedy: tuple[Any, ...]) -> Outcome:
        """The loss without and with a change."""
        after = self.run(remedy)
        before = self.seen[: len(after)] if self._was_seen else self.run(None)
        sign = -1 if remedy[0] == "sign" else 1
        return Outcome(len(after), sign * _level(before), _level(after), after[0])

    @property
    def _was_seen(self) -> bool:
        """Whether the losses of the training itself can be compared with. A step that is put
        together from a forward pass and a loss lacks the faults of the loop around them."""
        return isinstance(self.calls[0], EagerCall) and len(self.seen) >= STEPS

    def run(self, remedy: tuple[Any, ...] | None) -> list[float]:
        """The losses of some steps from the beginning."""
        with sandbox(self.model, self.optimizers, self.calls):
            self.start.undo()
            scene = Scene(self.model, self.optimizers, self.calls)
            if remedy is not None:
                REMEDIES[remedy[0]](scene, *remedy[1:])
            losses = []
            for i in range(STEPS):
                losses.append(scene.step(scene.calls[i % len(scene.calls)]))
                if not math.isfinite(losses[-1]):
                    break
            return losses


def _level(losses: list[float]) -> float:
    """Where the losses have come to."""
    return float(np.mean(losses[-LAST:])) if losses else math.nan
