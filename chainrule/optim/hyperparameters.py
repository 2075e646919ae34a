"""The numbers of a parameter group: checked when they are given, read during a step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from chainrule.dtypes import dtype
from chainrule.errors import ArgumentError
from chainrule.tensor.number import changing_number, refuse_in_compiled, steering_value
from chainrule.tensor.tensor import Tensor

NONNEGATIVE = (0.0, math.inf)
FRACTION = (0.0, 1.0)  # 1 itself is excluded
PAIRS = ("betas",)  # of what there are two


class Hyperparameters:
    """The hyper-parameters of one group during one step, each read once.

    Numbers are floats; while tracing they are 0-d float64 tensors read at every call, so that
    schedules may change them. What an `if` depends on is guarded: another value, another trace.
    """

    def __init__(self, group: Mapping[str, Any]) -> None:
        self.group = group
        self._read: dict[Any, Any] = {}

    def number(self, name: str, index: int | None = None) -> float | Tensor:
        """A number that may change from step to step; `index` picks one out of a pair."""
        key = (name, index)
        if key not in self._read:
            self._read[key] = _follow(self.group, name, index)
        return self._read[key]

    def on(self, name: str) -> bool:
        """Whether a switch is on or a number is not 0; a tensor counts as not 0."""
        key = (name, "on")
        if key not in self._read:
            self._read[key] = _steer(self.group, name)
        return self._read[key]

    def chosen(self, name: str) -> Any:
        """Anything else that Python code depends on, such as a name or a number of rounds."""
        return steering_value(partial(self.group.get, name), f"the {name} of the optimizer")


# The functions below read the group at later calls too, and must keep no traced tensor alive.


def _follow(group: Mapping[str, Any], name: str, index: int | None) -> float | Tensor:
    def held_in_pair() -> Any:
        return group[name][index]

    held = partial(group.__getitem__, name) if index is None else held_in_pair
    value = held()
    if isinstance(value, Tensor):
        steering_value(held, f"the tensor given as {name}")
        return value.double().reshape(())
    number = changing_number(held)
    return number if isinstance(number, Tensor) else float(number)


def _steer(group: Mapping[str, Any], name: str) -> bool:
    def used() -> bool:
        value = group.get(name)
        return isinstance(value, Tensor) or bool(value)

    return bool(steering_value(used, f"whether the optimizer uses {name}"))


def in_type(of: dtype, *numbers: float | Tensor) -> list[Tensor]:
    """Numbers as 0-d tensors of the type `of`, each rounded once."""
    return [x.to(of) if isinstance(x, Tensor) else Tensor._number(x, of.numpy) for x in numbers]


def refuse_while_tracing(what: str) -> None:
    """Refuse what would change Python state once, while tracing, and never again.

    Raises: TraceError (CR609).
    """
    refuse_in_compiled(
        "CR609",
        what,
        "would change Python state once, when the function is traced, and never again. Call it "
        "outside; the compiled step follows a changed learning rate without being traced again",
    )


def check_ranges(
    owner: str, values: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]
) -> None:
    """Refuse hyper-parameters outside [low, high).

    Raises: ArgumentError (CR604) that names the first one.
    """
    for name, (low, high) in ranges.items():
        given = values[name]
        several = name in PAIRS
        numbers = given if isinstance(given, (tuple, list)) else (given,)
        in_range = all(_is_between(number, low, high) for number in numbers)
        if not in_range or (several and len(numbers) != 2):
            wanted = f"≥ {low:g}" + ("" if high == math.inf else f" and < {high:g}")
            kind = "two numbers" if several else "a number"
            raise out_of_range(owner, f"{name} must be {kind} {wanted}", given)


def out_of_range(owner: str, wanted: str, given: Any) -> ArgumentError:
    """The error for a hyper-parameter whose range is not an interval [low, high)."""
    return ArgumentError("CR604", f"{owner}: {wanted}, got {given!r}")


def is_number(given: Any, low: float, high: float) -> bool:
    """Whether it is a number with low ≤ number ≤ high."""
    return isinstance(given, (int, float)) and low <= given <= high


def _is_between(number: Any, low: float, high: float) -> bool:
    if isinstance(number, Tensor):
        return number.numel() == 1 and low <= number.item() < high
    return isinstance(number, (int, float)) and low <= number < high
