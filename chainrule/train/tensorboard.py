"""A callback that writes what TensorBoard shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.journal.tensorboard import SummaryWriter
from chainrule.train.callback import Callback

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


class TensorBoard(Callback):
    """Writes loss, learning rate, scores and speed as TensorBoard's curves.

    Args:
        log_dir: the folder of the event files, runs/DATE_TIME_HOST by default.
        every_steps: steps from one point of the curves within an epoch to the next; None for
            points at the ends of epochs only.
        histograms: after every so many epochs, the weights and gradients of each parameter as
            histograms; None for none.
        gradient_norms: also the norm of each parameter's gradient, as often.

    Raises: ArgumentError for steps or epochs below 1 (CR808), or a folder that is not a local
    one (CR852); RunError (CR803) where it cannot be written.

    Notes: the curves are `loss/step`, `loss/train`, `loss/validation`, `SCORE/validation`,
    `learning_rate`, `samples_per_second`, `weights/NAME`, `gradients/NAME` and
    `gradient_norm/NAME`; gradients are those of the epoch's last batch. A resumed training that
    is given the same folder hides what was written after its checkpoint. What the trainer
    says, such as the doctor's findings, is under `alerts`.

    Example:
        >>> board = TensorBoard("runs/first", histograms=5)
        >>> board.close(None)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike | None = None,
        *,
        every_steps: int | None = 50,
        histograms: int | None = None,
        gradient_norms: bool = False,
    ) -> None:
        for name, every in (("every_steps", every_steps), ("histograms", histograms)):
            if every is not None and every < 1:
                raise ArgumentError(
                    "CR808", f"TensorBoard: {name} is at least 1, or None; got {every}"
                )
        self.every_steps = every_steps
        self.histograms = histograms
        self.gradient_norms = gradient_norms
        self.writer = SummaryWriter(log_dir)
        self._samples_per_second = 0.0

    def training_begins(self, trainer: Trainer) -> None:
        """A resumed training takes the place of what was written after its checkpoint."""
        if trainer.step:
            self.writer.close()
            self.writer.purge_step = trainer.step + 1

    def step_ends(self, trainer: Trainer) -> None:
        """A point within the epoch, now and then."""
        if trainer.seconds:
            self._samples_per_second = trainer.train_loss.weight / trainer.seconds
        if self.every_steps is not None and trainer.step % self.every_steps == 0:
            self.writer.add_scalar("loss/step", trainer.loss, trainer.step)

    def epoch_ends(self, trainer: Trainer) -> None:
        """The points of the epoch, and what was asked for of the parameters."""
        record = trainer.history[-1]
        for name, value in _curves(record).items():
            self.writer.add_scalar(name, value, trainer.step)
        self.writer.add_scalar("samples_per_second", self._samples_per_second, trainer.step)
        if self.histograms is not None and trainer.epoch % self.histograms == 0:
            self._add_histograms(trainer)
        if self.gradient_norms:
            for name, gradient in _gradients(trainer):
                norm = np.linalg.norm(gradient.astype(np.float64))
                self.writer.add_scalar(f"gradient_norm/{name}", norm, trainer.step)

    def say(self, trainer: Trainer, text: str) -> bool:
        """Keep the text; whoever sits at the terminal has not seen it."""
        self.writer.add_text("alerts", text, trainer.step)
        return False

    def close(self, trainer: Trainer) -> None:
        """Close the event file."""
        self.writer.close()

    def _add_histograms(self, trainer: Trainer) -> None:
        weights = [
            (f"weights/{name}", p.detach()._readable_array("TensorBoard"))
            for name, p in trainer.model.named_parameters()
        ]
        gradients = [(f"gradients/{name}", gradient) for name, gradient in _gradients(trainer)]
        for tag, values in weights + gradients:
            if np.isfinite(values).any():
                self.writer.add_histogram(tag, values, trainer.step)


def _curves(record: dict[str, Any]) -> dict[str, Any]:
    """The scores of an epoch; those of one kind get names that share a chart."""
    found = {}
    for name, value in record.items():
        part, _, score = name.partition("_")
        if part in ("train", "validation") and score:
            found[f"{score}/{part}"] = value
        elif name not in ("epoch", "step", "seconds") and isinstance(value, (int, float)):
            found[name] = value
    return found


def _gradients(trainer: Trainer) -> list[tuple[str, np.ndarray]]:
    return [
        (name, p.grad.detach()._readable_array("TensorBoard"))
        for name, p in trainer.model.named_parameters()
        if p.grad is not None
    ]
