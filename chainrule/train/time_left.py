"""How fast a training goes, and how long it will still take."""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.train.batches import length_of

if TYPE_CHECKING:
    from chainrule.metrics import Mean
    from chainrule.train.trainer import Trainer

LATEST = 5  # epochs whose median counts
ENOUGH = 0.2  # seconds of steps that tell how fast they are; the first ones are slower
SCORE = "score"  # the function of the loop that scores validation batches


@dataclass(frozen=True)
class Start:
    """Where this process took up an epoch; a resumed one is in its middle."""

    seconds: float
    batch: int
    step: int
    samples: float
    compiling: float


class Pace:
    """Measures steps, and apart from them what is between epochs: validation, checkpoints.

    Notes: what counts was measured in this process, without the time that compiling took, as
    that does not come again. Times are medians of the latest epochs: a pause does not matter.
    """

    def __init__(self) -> None:
        self.last_seconds = 0.0  # that the epoch's steps took up to the latest, set by Progress
        self.samples_per_second: float | None = None  # of the epoch that ended last
        self._per_step: deque[float] = deque(maxlen=LATEST)
        self._between: deque[float] = deque(maxlen=LATEST)
        self._steps_per_epoch: int | None = None
        self._ended: float | None = None  # when the last epoch did

    def begin(self, trainer: Trainer) -> None:
        """The training, or an epoch, begins."""
        if self._ended is not None:
            self._between[-1] += time.perf_counter() - self._ended
            self._ended = None
        self._steps_per_epoch = length_of(trainer.batches) or self._steps_per_epoch
        self._mean: Mean = trainer.train_loss  # the trainer takes a new one for the next epoch
        self._start = Start(
            trainer.seconds,
            trainer.batch,
            trainer.step,
            self._mean.weight,
            _compiling(trainer),
        )

    def end_epoch(self, trainer: Trainer) -> None:
        """An epoch was trained and validated."""
        start = self._start
        compiling = _compiling(trainer) - start.compiling
        seconds = self.last_seconds - start.seconds - compiling
        steps = trainer.step - start.step
        self._ended = time.perf_counter()
        self._between.append(trainer.history[-1]["seconds"] - self.last_seconds)
        if len(self._between) == 1:
            compiling = trainer.compile_seconds.get(SCORE, 0.0)
            self._between[0] = max(0.0, self._between[0] - compiling)
        if steps and seconds > 0:
            self._per_step.append(seconds / steps)
            self.samples_per_second = (self._mean.weight - start.samples) / seconds
        if self._steps_per_epoch is None:
            self._steps_per_epoch = start.batch + steps

    def now(self, trainer: Trainer) -> float | None:
        """Samples per second of the epoch so far; None where that says nothing yet."""
        seconds = self._working(trainer)
        if seconds < ENOUGH:
            return self.samples_per_second
        return (self._mean.weight - self._start.samples) / seconds

    def steps(self, trainer: Trainer) -> int | None:
        """Steps of the whole training, if that can be known."""
        length = self._steps_per_epoch
        if length is None:
            return None
        return trainer.step - trainer.batch + (trainer.epochs - trainer.epoch) * length

    def left(self, trainer: Trainer) -> float | None:
        """Seconds until the last epoch is done; None if it is, or if nobody can know."""
        paces = list(self._per_step)
        steps, seconds = trainer.batch - self._start.batch, self._working(trainer)
        if steps > 0 and seconds >= ENOUGH:
            paces.append(seconds / steps)
        epochs = trainer.epochs - trainer.epoch
        if not paces or self._steps_per_epoch is None or trainer.stopped or epochs <= 0:
            return None
        between = statistics.median(self._between) if self._between else 0.0
        remaining = max(0, epochs * self._steps_per_epoch - trainer.batch)
        return max(0.0, remaining * statistics.median(paces) + epochs * between)

    def is_least(self, trainer: Trainer) -> bool:
        """Whether it will be longer, as validation is still to be measured."""
        return trainer.validation is not None and not self._between

    def _working(self, trainer: Trainer) -> float:
        compiling = _compiling(trainer) - self._start.compiling
        return trainer.seconds - self._start.seconds - compiling


def _compiling(trainer: Trainer) -> float:
    """What compiling the steps has taken so far."""
    return sum(took for name, took in trainer.compile_seconds.items() if name != SCORE)
