"""Looking for the step in whose derivative a NaN comes up."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.errors import GradientError
from chainrule.tensor.symbol import user_line


class State:
    """Whether anomalies are looked for, by the whole program."""

    enabled = False
    check_nan = True
    #: the line of the program that recorded each step
    lines: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def note(node: Any) -> None:
    """Keep the line of the program that records this step."""
    State.lines[node] = user_line()


def check(node: Any, cotangents: Any) -> None:
    """Raise GradientError (CR314) for a step whose derivative is NaN."""
    if not State.check_nan:
        return
    for i, g in enumerate(cotangents):
        parts = g.values() if isinstance(g, dict) else [g]  # of what has several outputs
        for part in parts:
            _check_one(node, i, None if part is None else part._cell.array)


def _check_one(node: Any, i: int, array: Any) -> None:
    if isinstance(array, np.ndarray) and array.dtype.kind == "f" and np.isnan(array).any():
        raise GradientError(
            "CR314",
            f"the derivative of {node.name()} by its input {i} is NaN; the step was "
            f"recorded{State.lines.get(node, ' before anomalies were looked for')}. Look "
            "at its inputs: a 0 under a root or a quotient, a 0 in a logarithm?",
        )


class detect_anomaly:
    """Inside the `with` block, backward raises where a derivative becomes NaN.

    Notes: recording the lines makes each step slower; use it to look for a fault. A compiled
    function is first run equation by equation, and raises at the first value of its forward
    or backward part that is not finite.

    Raises:
        GradientError (CR314), with the operation and the line that recorded it.
        NonFiniteError (CR411) in a compiled function, with the equation, module and line.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._wanted = True, check_nan

    def __enter__(self) -> None:
        self._before = State.enabled, State.check_nan
        State.enabled, State.check_nan = self._wanted

    def __exit__(self, *_: object) -> None:
        State.enabled, State.check_nan = self._before


class set_detect_anomaly(detect_anomaly):
    """Look for NaN from here on (True) or no longer (False), or inside a `with` block."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = State.enabled, State.check_nan
        State.enabled, State.check_nan = bool(mode), check_nan

    def __enter__(self) -> None:
        """It is on since it was made."""


def is_anomaly_enabled() -> bool:
    """Whether backward looks for NaN."""
    return State.enabled
