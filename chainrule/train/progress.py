"""Progress on the screen: a bar in a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, TextIO

from chainrule.train.callback import Callback

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer

PAUSE = 0.4  # seconds from one look of the bar to the next


class Progress(Callback):
    """Shows how the steps are computed, loss, validation scores and time: a line per epoch, and
    a bar in a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self._bar: Any = None
        self._shown = 0.0
        self._introduced = False  # how the steps are computed was said

    def training_begins(self, trainer: Trainer) -> None:
        """Open the bar where there is a terminal."""
        self._introduced = False
        if self.stream.isatty():
            batches = trainer.batches
            steps = trainer.epochs * len(batches) if isinstance(batches, Sized) else None
            self._bar = _bar(self.stream)
            self._bar.add_task("", total=steps, completed=trainer.step, scores="")
            self._bar.start()

    def step_ends(self, trainer: Trainer) -> None:
        """Move the bar on, now and then: drawing takes as long as a small step."""
        if not self._introduced:
            self._introduced = True
            self._say(trainer.execution)
        now = time.perf_counter()
        if self._bar is None or now - self._shown < PAUSE:
            return
        self._shown = now
        scores = [f"loss {trainer.loss:.4f}", *validation_scores(trainer.history[-1:])]
        self._bar.update(
            self._bar.task_ids[0],
            description=f"epoch {trainer.epoch + 1}/{trainer.epochs}",
            completed=trainer.step,
            scores="   ".join(scores),
            refresh=True,
        )

    def epoch_ends(self, trainer: Trainer) -> None:
        """Write the line of the epoch."""
        self._say(epoch_line(trainer.history[-1], trainer.epochs))

    def _say(self, line: str) -> None:
        if self._bar is None:
            print(line, file=self.stream, flush=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False)

    def close(self, trainer: Trainer) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


def epoch_line(record: dict[str, Any], epochs: int) -> str:
    """One epoch of the history as a line of text."""
    epoch = f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}"
    loss = f"loss {record['train_loss']:.4f}"
    seconds = f"{record['seconds']:.2f} s"
    return "   ".join([epoch, loss, *validation_scores([record]), seconds])


def validation_scores(records: list[dict[str, Any]]) -> list[str]:
    """The scores on the validation data, as texts."""
    return [
        f"{name.replace('_', ' ')} "
        + (f"{100 * score:.1f} %" if name.endswith("accuracy") else f"{score:.4f}")
        for record in records
        for name, score in record.items()
        if name.startswith("validation_")
    ]


def _bar(stream: TextIO) -> Any:
    """A bar drawn with rich, which is loaded here and nowhere else: it takes a while."""
    console = importlib.import_module("rich.console").Console(file=stream)
    rich = importlib.import_module("rich.progress")
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[scores]}"),
        rich.TimeRemainingColumn(),
    )
    return rich.Progress(*columns, console=console, transient=True, auto_refresh=False)
