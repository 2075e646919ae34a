"""Callbacks that keep things: the best weights, the history, checkpoints."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ArgumentError
from chainrule.files import make_folder, write_text
from chainrule.train.callback import Callback
from chainrule.train.checkpoints import (
    checkpoints,
    keep_only,
    next_path,
    save_checkpoint,
    step_of,
)

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


class Best:
    """The best value of a score so far."""

    def __init__(self, monitor: str | None, higher_is_better: bool) -> None:
        self.monitor = monitor
        self.higher_is_better = higher_is_better
        self.score: float | None = None

    def is_better(self, record: dict[str, Any]) -> bool:
        """Whether the score in an epoch's record is the best so far; NaN never is.

        Raises: ArgumentError (CR809) for a score that the record does not have.
        """
        monitor = self.monitor
        if monitor is None:
            monitor = "validation_loss" if "validation_loss" in record else "train_loss"
        if monitor not in record:
            raise ArgumentError(
                "CR809",
                f"the score to watch is {monitor!r}, but an epoch has only "
                f"{', '.join(record)}; give Trainer validation batches and that metric, or "
                "name another score",
            )
        score, best = record[monitor], self.score
        if math.isnan(score):
            return False
        if best is not None and not (score > best if self.higher_is_better else score < best):
            return False
        self.score = score
        return True


class EarlyStopping(Callback):
    """Ends a training that no longer gets better, and restores the best weights.

    Args:
        patience: epochs without improvement after which to stop; None never stops and only
            restores the best weights.
        monitor: the score to watch, a name in the history.
        higher_is_better: for an accuracy; a loss is better when lower.

    Raises: ArgumentError (CR809) for a score that the history does not have.
    """

    def __init__(
        self,
        patience: int | None = 10,
        monitor: str = "validation_loss",
        higher_is_better: bool = False,
    ) -> None:
        self.patience = patience
        self.best = Best(monitor, higher_is_better)
        self.best_epoch = 0
        self.best_weights: dict[str, Any] = {}

    def epoch_ends(self, trainer: Trainer) -> None:
        """Remember the weights if they are the best, stop if they were too long ago."""
        if self.best.is_better(trainer.history[-1]):
            self.best_epoch = trainer.epoch
            weights = trainer.model.state_dict()
            self.best_weights = {name: x.detach().clone() for name, x in weights.items()}
        if self.patience is not None and trainer.epoch - self.best_epoch >= self.patience:
            trainer.stopped = True

    def training_ends(self, trainer: Trainer) -> None:
        """Restore the best weights."""
        if self.best_weights:
            trainer.model.load_state_dict(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {
            "best_score": self.best.score,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the best so far."""
        self.best.score = state["best_score"]
        self.best_epoch = state["best_epoch"]
        self.best_weights = state["best_weights"]


class History(Callback):
    """Writes the history as JSON lines, one per epoch."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def training_begins(self, trainer: Trainer) -> None:
        """Start with the epochs that are done; a resumed training has some."""
        write_text(self.path, "".join(_json_line(record) for record in trainer.history))

    epoch_ends = training_begins


def _json_line(record: dict[str, Any]) -> str:
    """JSON has no NaN and no infinity; they become null."""
    finite = {
        name: None if isinstance(score, float) and not math.isfinite(score) else score
        for name, score in record.items()
    }
    return json.dumps(finite, allow_nan=False) + "\n"


class Checkpoint(Callback):
    """Writes all that is needed to go on: at the start, after every epoch, and in between.

    Args:
        folder: gets a folder for each checkpoint, see chainrule/train/checkpoints.py.
        keep: how many of the latest stay; the one of the best epoch stays besides.
        every_steps: also inside an epoch, after so many steps; None for epochs only.
        every_seconds: also inside an epoch, so many seconds after the last one.
        monitor: the score that says which epoch is best, a name in the history; by default
            the validation loss, or the training loss where nothing is validated.
        higher_is_better: for an accuracy; a loss is better when lower.

    Raises: ArgumentError for batches that cannot go on in the middle (CR812), for numbers
    that are too small (CR808) or a score that the history does not have (CR809).

    Notes: it should stand behind the other callbacks, so that their state is this step's.
    """

    def __init__(
        self,
        folder: str | Path,
        keep: int = 2,
        *,
        every_steps: int | None = None,
        every_seconds: float | None = None,
        monitor: str | None = None,
        higher_is_better: bool = False,
    ) -> None:
        if keep < 1 or (every_steps is not None and every_steps < 1):
            raise ArgumentError(
                "CR808",
                f"Checkpoint: keep and every_steps are at least 1, got keep={keep} and "
                f"every_steps={every_steps}",
            )
        self.folder = Path(folder)
        self.keep = keep
        self.every_steps = every_steps
        self.every_seconds = every_seconds
        self.best = Best(monitor, higher_is_better)
        self.best_step: int | None = None  # at the end of the best epoch
        self._written = 0.0  # when the last one was

    @property
    def inside_epochs(self) -> bool:
        """Whether there are checkpoints in the middle of an epoch."""
        return self.every_steps is not None or self.every_seconds is not None

    def training_begins(self, trainer: Trainer) -> None:
        """Write the state before the first step."""
        if self.inside_epochs:
            trainer.check_position()
        make_folder(self.folder)
        self._write(trainer)

    def step_ends(self, trainer: Trainer) -> None:
        """Write the state inside an epoch, if it is time to."""
        steps, seconds = self.every_steps, self.every_seconds
        waited = time.perf_counter() - self._written
        if (steps and trainer.step % steps == 0) or (seconds is not None and waited > seconds):
            self._write(trainer)

    def epoch_ends(self, trainer: Trainer) -> None:
        """Write the state after an epoch."""
        if self.best.is_better(trainer.history[-1]):
            self.best_step = trainer.step
        self._write(trainer)

    def best_path(self) -> Path | None:
        """The checkpoint after the best epoch; None where there is none yet."""
        found = [p for p in checkpoints(self.folder) if step_of(p) == self.best_step]
        return found[-1] if found else None

    def _write(self, trainer: Trainer) -> None:
        save_checkpoint(trainer.state_dict(), next_path(self.folder, trainer.step))
        keep_only(self.folder, [*checkpoints(self.folder)[-self.keep :], self.best_path()])
        self._written = time.perf_counter()

    def listens_to(self, point: str) -> bool:
        """Steps concern it only if there are checkpoints inside epochs."""
        return super().listens_to(point) and (point != "step_ends" or self.inside_epochs)

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {"best_score": self.best.score, "best_step": self.best_step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the best so far."""
        self.best.score, self.best_step = state["best_score"], state["best_step"]
