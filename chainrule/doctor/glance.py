"""What a compiled step shows at little cost: its gradients, weights and activations.

A glance runs nothing once more, and sees nothing of the data or the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.doctor.facts import Look
from chainrule.doctor.moves import Moves
from chainrule.nn.module import Module

LARGE_STEP = 0.1  # ‖Δw‖ / ‖w‖; healthy: 0.0005 to 0.025


class Glance:
    """One step of each optimizer; the layers of its forward pass are seen from inside."""

    def __init__(self, model: Module, optimizers: Sequence[Any], step: int) -> None:
        self.look = Look(step)
        self._moves = Moves(model, optimizers, self.look, near=False)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to see."""
        return self._moves.is_over

    def step_begins(self, optimizer: Any, is_whole: bool) -> None:
        """A function is called in which an optimizer steps.

        Args: is_whole: the gradients are made in it, too.
        """
        self._moves.step_begins(optimizer, has_gradients=not is_whole)

    def step_ends(self, optimizer: Any) -> None:
        """It has returned."""
        self._moves.step_ends(optimizer)


def is_lost(seen: Look, last: Look) -> bool:
    """Whether a glance shows numbers that are not finite, as the last look did not."""
    lost = bool(seen.nonfinite_weights or seen.nonfinite_gradients)
    return lost and not (last.nonfinite_weights or last.nonfinite_gradients)


def is_alarming(seen: Look, last: Look) -> bool:
    """Whether a glance shows a fault that the last look did not: numbers that are not finite,
    steps as large as the weights, or a layer to which no gradient comes any more."""
    if is_lost(seen, last):
        return True
    if (seen.update_ratio or 0.0) > LARGE_STEP >= (last.update_ratio or 0.0):
        return True
    return any(
        layer.gradient_norm == 0 and (known := last.layers.get(path)) and known.gradient_norm
        for path, layer in seen.layers.items()
    )
