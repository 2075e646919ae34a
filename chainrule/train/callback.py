"""Callbacks: what is to happen at the named points of the training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer

POINTS = (
    "training_begins",
    "epoch_begins",
    "gradients_ready",
    "step_ends",
    "epoch_ends",
    "training_ends",
    "close",
)


class Callback:
    """A subclass defines the points at which it wants to be called.

    Notes: the trainer's state at a point is in its attributes: `epoch` and `step` (done so
    far), `loss` (of the last batch), `history`, `model`, `optimizer`; setting `stopped` ends
    the training after the epoch.
    """

    def training_begins(self, trainer: Trainer) -> None:
        """Before the first epoch, also of a resumed training."""

    def epoch_begins(self, trainer: Trainer) -> None:
        """Before the first batch of an epoch."""

    def gradients_ready(self, trainer: Trainer) -> None:
        """After backward, before the optimizer's step: the place to clip gradients."""

    def step_ends(self, trainer: Trainer) -> None:
        """After the optimizer's step."""

    def epoch_ends(self, trainer: Trainer) -> None:
        """After validation; the epoch's record is the last of the history."""

    def training_ends(self, trainer: Trainer) -> None:
        """After the last epoch."""

    def close(self, trainer: Trainer) -> None:
        """At the very end, also after an error or Ctrl-C."""

    def say(self, trainer: Trainer, text: str) -> bool:
        """Take one line for the user, see Trainer.say; True if it was shown."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """What must be known to go on after an interruption."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state that state_dict() returned."""

    def listens_to(self, point: str) -> bool:
        """Whether the subclass defines this point."""
        return getattr(type(self), point) is not getattr(Callback, point)
