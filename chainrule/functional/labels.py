"""Labels: whole numbers that name a class or a row."""

from __future__ import annotations

import numpy as np

from chainrule import dtypes
from chainrule.errors import AxisError, DtypeError
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor


def known(x: Tensor) -> np.ndarray | None:
    """The numbers of x where they may steer Python code; None while tracing."""
    held = x._cell.array
    return held if trace.current.get() is None and isinstance(held, np.ndarray) else None


def within(labels: Tensor, classes: int) -> bool:
    """Whether all labels are known to be from 0 to classes - 1."""
    numbers = known(labels)
    if numbers is None or not numbers.size:
        return numbers is not None
    return bool(numbers.min() >= 0 and numbers.max() < classes)


def check_integers(labels: Tensor, what: str) -> None:
    """Raises DtypeError (CR513) unless the labels are whole numbers."""
    if labels.dtype.category != dtypes.INTEGER:
        raise DtypeError(
            "CR513",
            f"{what}: labels are whole numbers, got {labels.dtype}; labels.long() converts",
        )


def check_range(
    labels: Tensor, classes: int, what: str, of: str = "label", among: str = "classes"
) -> None:
    """Raises AxisError (CR512) for a label that is known to be out of range."""
    numbers = known(labels)
    if numbers is None or within(labels, classes):
        return
    wrong = numbers[(numbers < 0) | (numbers >= classes)]
    repair = f"{of}s start at 0" if wrong.min() == classes else f"are these the right {of}s?"
    raise AxisError(
        "CR512",
        f"{what}: {of} {wrong.flat[0]} is out of range; with {classes} {among} the {of}s are "
        f"0 to {classes - 1} ({wrong.size} of {numbers.size} are not; {repair})",
    )
