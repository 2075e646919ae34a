"""Parameters that a training uses, but that belong neither to its model nor to an optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.doctor.facts import Record
from chainrule.doctor.measures import as_initialized, numbers
from chainrule.nn.parameter import Parameter

LONG_ENOUGH = 40  # steps in which another network would have learned
SOME = 64  # numbers of each that are compared


class Strangers:
    """Tells another network that learns by itself, as in a GAN, from layers that nobody moves,
    as those in a plain list are, which the model does not know."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._met: list[tuple[int, Parameter, np.ndarray]] = []  # at which step, and as it was

    def meet(self, parameters: Sequence[Parameter]) -> None:
        """Remember them, if nothing has trained them yet."""
        known = {id(parameter) for _, parameter, _ in self._met}
        for parameter in parameters:
            array = numbers(parameter)
            new = id(parameter) not in known and isinstance(array, np.ndarray)
            if new and as_initialized(array):
                self._met.append((self.record.step, parameter, _some(array)))

    def watch(self) -> None:
        """After some steps, note those that are still what they were."""
        if not self._met or self.record.step < self._met[0][0] + LONG_ENOUGH:
            return
        self.record.wiring.unregistered = [
            str(tuple(parameter.shape))
            for _, parameter, before in self._met
            if np.array_equal(_some(numbers(parameter)), before) and _gathers(parameter)
        ]
        self._met.clear()


def _gathers(parameter: Parameter) -> bool:
    """Whether it has a gradient that nobody has cleared since it was used."""
    return parameter.grad is not None and bool(numbers(parameter.grad).any())


def _some(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1)[:SOME].copy()
