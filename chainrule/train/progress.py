"""Progress: a line for each epoch, and a bar where somebody watches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TextIO

from chainrule.train.callback import Callback
from chainrule.train.epoch_line import (
    LAYOUTS,
    VALIDATION,
    EpochLine,
    left_text,
    number_text,
    plain,
    rate_text,
    score_text,
)
from chainrule.train.keeping import Best
from chainrule.train.screens import Lines, Moment, screen
from chainrule.train.time_left import Pace

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer

PAUSE = 0.4  # seconds of steps from one look of the bar to the next


class Progress(Callback):
    """Shows loss, scores on the validation data, speed and time left: a line for each epoch.

    Args:
        stream: where to write; by default the standard output, or the notebook's page.
        monitor: the score that says which epoch is best so far, a name in the history; by
            default that of EarlyStopping or Checkpoint, or else the validation loss, or the
            training loss where nothing is validated.
        higher_is_better: for an accuracy; a loss is better when lower.

    Raises: ArgumentError (CR809) for a score to monitor that the history does not have.

    Notes: in a terminal there is a bar below the lines; in a notebook one element is updated;
    elsewhere, and with NO_COLOR or TERM=dumb, lines are appended and nothing else is written.
    The lines of a narrow terminal are shorter, with a * for the best epoch. The sparkline is
    the training loss of the latest ten epochs. Speed counts the samples of training steps,
    without compiling and validation; the time left counts validation, and starts from what was
    measured since the training began or was resumed.

    Example:
        >>> import chainrule as cr
        >>> x = cr.linspace(-1, 1, 16).reshape(16, 1)
        >>> data = cr.utils.data.DataLoader(cr.utils.data.TensorDataset(x, 2 * x), batch_size=4)
        >>> line = cr.nn.Linear(1, 1)
        >>> sgd = cr.optim.SGD(line.parameters(), lr=0.5)
        >>> t = cr.train.Trainer(line, cr.nn.MSELoss(), sgd, data, epochs=1, compile=False,
        ...                      callbacks=[Progress()])
        >>> history = t.fit()
        running eagerly, as asked for
        epoch 1/1   loss ... samples/s   ... s   best
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        monitor: str | None = None,
        higher_is_better: bool = False,
    ) -> None:
        self.stream = stream
        self.monitor = monitor
        self.higher_is_better = higher_is_better
        self._screen: Lines | None = None
        self._pace = Pace()
        self._next = 0.0  # seconds of steps into the epoch, after which to look again
        self._introduced = False  # how the steps are computed was said

    def training_begins(self, trainer: Trainer) -> None:
        """Open the screen; a resumed training has a past."""
        self._screen = screen(self.stream)
        self._pace = Pace()
        self._introduced = False
        self._best, self._named = self._watched(trainer)
        for record in trainer.history:
            self._is_best(record)
        self.epoch_begins(trainer)
        self._next = 0.0

    def epoch_begins(self, trainer: Trainer) -> None:
        """Take the time."""
        self._pace.begin(trainer)

    def step_ends(self, trainer: Trainer) -> None:
        """Now and then, show how far the training is: drawing takes as long as a small step."""
        seconds = self._pace.last_seconds = trainer.seconds
        if seconds < self._next:
            return
        shown = self._shown
        if not self._introduced:
            self._introduced = True
            shown.line(trainer.execution)
        self._next = seconds + PAUSE if shown.moves else math.inf
        if shown.moves:
            shown.show(self._moment(trainer))

    def epoch_ends(self, trainer: Trainer) -> None:
        """Write the line of the epoch."""
        self._pace.end_epoch(trainer)
        self._next -= self._pace.last_seconds  # the next epoch counts from 0
        record, shown = trainer.history[-1], self._shown
        line = EpochLine(
            record,
            trainer.epochs,
            [past["train_loss"] for past in trainer.history[-LAYOUTS[0].spark :]],
            self._best.monitor or f"{VALIDATION}loss",
            self._is_best(record),
            self._pace.samples_per_second,
            self._pace.left(trainer),
        )
        shown.line(line.text(shown.width, shown.blocks))
        if shown.moves and record["seconds"] > PAUSE / 10:
            shown.show(self._moment(trainer))

    def say(self, trainer: Trainer, text: str) -> bool:
        """Show one line, such as a finding, without disturbing the bar."""
        self._shown.line(plain(text))
        return True

    def close(self, trainer: Trainer) -> None:
        """Take the bar away."""
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    @property
    def _shown(self) -> Lines:
        """The screen; before and after the training there are only lines."""
        return self._screen or Lines(self.stream)

    def _watched(self, trainer: Trainer) -> tuple[Best, bool]:
        """The best so far of the score that was named here, or by a callback that keeps it."""
        if self.monitor is not None:
            return Best(self.monitor, self.higher_is_better), True
        for callback in trainer.callbacks:
            kept = getattr(callback, "best", None)
            if isinstance(kept, Best):
                return Best(kept.monitor, kept.higher_is_better), False
        return Best(None, False), False

    def _is_best(self, record: dict[str, Any]) -> bool:
        """Whether an epoch is the best so far; a score named elsewhere may come later."""
        monitor = self._best.monitor
        if monitor is not None and monitor not in record and not self._named:
            return False
        return self._best.is_better(record)

    def _moment(self, trainer: Trainer) -> Moment:
        now = min(trainer.epoch + 1, trainer.epochs)
        epoch = f"{now:>{len(str(trainer.epochs))}}"
        scores = [f"loss {number_text(trainer.loss).strip()}"]
        for name, score in (trainer.history[-1] if trainer.history else {}).items():
            if name.startswith(VALIDATION):
                scores.append(" ".join(score_text(name, score, LAYOUTS[1]).split()))
        rate = self._pace.now(trainer)
        return Moment(
            f"epoch {epoch}/{trainer.epochs}",
            trainer.step,
            self._pace.steps(trainer),
            "  ".join(scores),
            "" if rate is None else f"{rate_text(rate).strip()} samples/s",
            left_text(self._pace.left(trainer), self._pace.is_least(trainer)).strip(),
        )
