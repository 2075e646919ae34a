"""Where backward passes begin: whether anything is behind, and whose parameters that are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.doctor.facts import NonFinite, Record
from chainrule.doctor.measures import is_float, readable
from chainrule.doctor.step_structure import name_of, nodes_behind, others_in
from chainrule.doctor.strangers import Strangers
from chainrule.doctor.wiring import moved_by
from chainrule.nn.module import Module
from chainrule.tensor import tape
from chainrule.tensor.tensor import Tensor

#: where a formula has no finite value
OUTSIDE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Log": lambda x: x <= 0,
    "Log2": lambda x: x <= 0,
    "Log10": lambda x: x <= 0,
    "Log1p": lambda x: x <= -1,
    "Sqrt": lambda x: x < 0,
    "Arccos": lambda x: abs(x) > 1,
    "Arcsin": lambda x: abs(x) > 1,
    "Exp": lambda x: x > np.log(np.finfo(x.dtype).max),
}
MOST_ROWS = 20
FIRST = 8  # backward passes that are followed to the parameters they reach


class Roots:
    """Notes of backward passes what can be seen before they run."""

    def __init__(self, record: Record, model: Module, optimizers: Sequence[Any]) -> None:
        self.record = record
        self._own = {id(p) for p in model.parameters()}
        self._own |= {id(p) for optimizer in optimizers for p in moved_by(optimizer)}
        self._strangers = Strangers(record)
        self._followed = 0

    def begins(self, root: Tensor) -> bool:
        """A backward pass begins; whether it can."""
        if not root.requires_grad:
            self.record.wiring.detached = "backward starts from a tensor without history"
            return False
        array = readable(root._cell.array)
        if isinstance(array, np.ndarray) and self.record.nonfinite is None:
            one = array.size == 1
            if not (math.isfinite(array.item()) if one else np.isfinite(array).all()):
                with np.errstate(all="ignore"):
                    self.record.nonfinite = self._first_bad(root)
        if self._followed < FIRST:
            self._followed += 1
            others = others_in(nodes_behind(root), self._own)
            self.record.adversarial |= bool(others)
            self._strangers.meet(others)
        self.look_around()
        return True

    def look_around(self) -> None:
        """See whether what else the loss depends on has learned, too."""
        self._strangers.watch()

    def _first_bad(self, root: Tensor) -> NonFinite | None:
        """The first step of the tape that was given what its formula has no value for."""
        for node in nodes_behind(root):
            name, saved = name_of(node), getattr(node, "saved", None) or {}
            outside = OUTSIDE.get(name)
            for position, kept in saved.items():
                x = readable(kept)
                if position == tape.Y or not is_float(x) or not np.isfinite(x).all():
                    continue
                if outside is not None and (bad := outside(x)).any():
                    given = f"from {x.min():.4g} to {x.max():.4g}"
                    step, rows = self.record.step, _rows(bad)
                    return NonFinite(step, "forward", name, "", given, rows, "")
        return None


def _rows(bad: np.ndarray) -> list[int]:
    """The samples in which something is bad, the first ones."""
    rows = bad.reshape(len(bad), -1).any(axis=1) if bad.ndim else bad.reshape(1)
    return np.flatnonzero(rows)[:MOST_ROWS].tolist()
