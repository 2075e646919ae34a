"""Under- and overfitting: the curves of a training, and where to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.pictures import canvas
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import curves, number
from chainrule.printed import Printed

RISE = (
    0.05  # how far the validation loss is above its lowest at the end, to speak of overfitting
)
FALL = 0.01  # and how much it still falls in the last tenth, to speak of underfitting


@dataclass(frozen=True, repr=False)
class Fitting(Printed):
    """The losses of a training by epoch; print() draws them in a terminal."""

    epochs: np.ndarray
    train: np.ndarray
    validation: np.ndarray

    @property
    def best(self) -> int:
        """The epoch with the lowest validation loss: where to stop."""
        known = np.where(np.isfinite(self.validation), self.validation, np.inf)
        return int(self.epochs[known.argmin()])

    @property
    def lowest(self) -> float:
        """The validation loss there."""
        return float(self.validation[self.epochs == self.best][0])

    @property
    def rise(self) -> float:
        """By which share the validation loss ends above its lowest."""
        return float(self.validation[-1] / self.lowest - 1) if self.lowest > 0 else 0.0

    @property
    def verdict(self) -> str:
        """What the curves say, in a few words."""
        done = int(self.epochs[-1])
        if self.best < done and self.rise > RISE:
            return f"overfits after epoch {self.best}"
        tenth = max(2, len(self.epochs) // 10 + 1)
        before = self.validation[-tenth:][0]
        if self.best == done and self.validation[-1] < before * (1 - FALL):
            return "still improves: train longer"
        return "has levelled off"

    def __str__(self) -> str:
        drawn = curves({"training loss": self.train, "validation loss": self.validation})
        return f"{drawn}\n{self.verdict}; stop at epoch {self.best} of {self.epochs[-1]}"


def loss_curves(history: Any) -> Fitting:
    """The numbers of fitting_curves; see there.

    Example:
        >>> losses = [(0.9, 0.95), (0.5, 0.7), (0.3, 0.6), (0.2, 0.8)]
        >>> found = loss_curves([{"train_loss": a, "validation_loss": b} for a, b in losses])
        >>> found.best, found.verdict
        (3, 'overfits after epoch 3')
    """
    records: Sequence[Mapping[str, Any]] = getattr(history, "history", history)
    names = "train_loss", "validation_loss"
    if not records:
        raise ArgumentError("CR847", "the history is empty: train at least one epoch")
    for position, record in enumerate(records):
        known = list(record) if isinstance(record, Mapping) else []
        if missing := [name for name in names if name not in known]:
            raise ArgumentError(
                "CR847",
                f"fitting_curves needs {' and '.join(missing)} of each epoch, and record "
                f"{position} has {', '.join(known) or 'no names'}; give the Trainer validation "
                "batches",
            )
    train, validation = (
        np.array([np.nan if r[name] is None else r[name] for r in records], float)
        for name in names
    )
    if not np.isfinite(validation).any():
        raise ArgumentError("CR849", "no validation loss of the history is finite")
    epochs = np.array([int(r.get("epoch", i + 1)) for i, r in enumerate(records)])
    return Fitting(epochs, train, validation)


def fitting_curves(history: Any, *, axes: Axes | None = None) -> Figure:
    """Training and validation loss by epoch, and the epoch at which to stop.

    To its left the model can still learn what is true of all data (it underfits), to its right
    it learns what is true of the training data only (it overfits).

    Args:
        history: what Trainer.fit() returns, or the trainer: for each epoch a dict with
            "train_loss" and "validation_loss".
        axes: where to draw; by default in a new figure.

    Raises: ArgumentError (CR847) for a history without these.
    Source: the lecture on generalization; Goodfellow et al. 2016, §5.2, §7.8
    """
    found = loss_curves(history)
    with canvas.drawing():
        made, axes = canvas.panel(axes, 6.8, 4.5)
        end = float(found.epochs[-1])
        first = float(found.epochs[0])
        overfit = found.best < end and found.rise > RISE
        axes.axvspan(first, found.best, color=canvas.colour(5), alpha=0.10, linewidth=0)
        if overfit:
            axes.axvspan(found.best, end, color=canvas.colour(1), alpha=0.10, linewidth=0)
        marked = max(1, len(found.epochs) // 10)
        for position, (name, values) in enumerate(
            (("training loss", found.train), ("validation loss", found.validation))
        ):
            axes.plot(
                found.epochs, values, color=canvas.colour(position),
                linestyle=canvas.dash(position), marker=canvas.marker(position),
                markevery=marked, markersize=5, label=name,
            )  # fmt: skip
        axes.axvline(found.best, color=canvas.INK, linewidth=1.0, linestyle=":")
        axes.plot(
            found.best, found.lowest, marker="*", markersize=15, color="#E69F00",
            markeredgecolor="black", linestyle="none", zorder=5,
            label=f"stop here: epoch {found.best}, loss {number(found.lowest)}",
        )  # fmt: skip
        _name_sides(axes, found, overfit)
        room = 0.015 * (end - first) or 0.5  # for the markers at the ends
        axes.set(xlabel="epoch", ylabel="loss", xlim=(first - room, end + room))
        axes.set_title(f"The training {found.verdict}")
        axes.grid(True)
        canvas.legend(axes)
    return made


def _name_sides(axes: Axes, found: Fitting, overfit: bool) -> None:
    """Names over the two sides of the best epoch, where there is room."""
    first, end = float(found.epochs[0]), float(found.epochs[-1])
    wide = (end - first) or 1.0
    sides = [("underfits", first, found.best)] + [("overfits", found.best, end)] * overfit
    for name, left, right in sides:
        if (right - left) / wide > 0.12:
            axes.annotate(
                name, ((left + right) / 2, 0.02), xycoords=("data", "axes fraction"),
                ha="center", color="#555555", style="italic", fontsize=9,
            )  # fmt: skip
