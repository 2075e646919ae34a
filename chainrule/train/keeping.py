"""Callbacks that keep things: the best weights, the history, checkpoints."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.data.files import make_folder, write_text
from chainrule.errors import ArgumentError
from chainrule.train.callback import Callback
from chainrule.train.saving import save

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


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
        self.monitor = monitor
        self.higher_is_better = higher_is_better
        self.best_score: float | None = None
        self.best_epoch = 0
        self.best_weights: dict[str, Any] = {}

    def epoch_ends(self, trainer: Trainer) -> None:
        """Remember the weights if they are the best, stop if they were too long ago."""
        record = trainer.history[-1]
        if self.monitor not in record:
            raise ArgumentError(
                "CR809",
                f"EarlyStopping watches {self.monitor!r}, but an epoch has only "
                f"{', '.join(record)}; give Trainer validation batches and that metric, or "
                "name another score",
            )
        if self._is_better(record[self.monitor]):
            self.best_score, self.best_epoch = record[self.monitor], trainer.epoch
            weights = trainer.model.state_dict()
            self.best_weights = {name: x.detach().clone() for name, x in weights.items()}
        if self.patience is not None and trainer.epoch - self.best_epoch >= self.patience:
            trainer.stopped = True

    def training_ends(self, trainer: Trainer) -> None:
        """Restore the best weights."""
        if self.best_weights:
            trainer.model.load_state_dict(self.best_weights)

    def _is_better(self, score: float) -> bool:
        if self.best_score is None or math.isnan(score):
            return not math.isnan(score)
        return score > self.best_score if self.higher_is_better else score < self.best_score

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the best so far."""
        self.best_score = state["best_score"]
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
    """Writes all that is needed to go on, before the first and after every epoch.

    Notes: it should stand behind EarlyStopping, so that the best so far is this epoch's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def training_begins(self, trainer: Trainer) -> None:
        """Write the state before the first step."""
        make_folder(self.path.parent)
        save(trainer.state_dict(), self.path)

    def epoch_ends(self, trainer: Trainer) -> None:
        """Write the state after an epoch."""
        save(trainer.state_dict(), self.path)
