"""Whether what backward starts from is a log-probability, where its negative should be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.doctor.measures import readable
from chainrule.doctor.step_structure import SHAPE_ONLY, name_of
from chainrule.tensor.symbol import Symbol
from chainrule.tensor.tensor import Tensor

PICKING = SHAPE_ONLY | {"Sum", "Gather", "Index"}  # of numbers, whose sign stays
MOST_STEPS = 30


def makes_unlikely(root: Tensor) -> bool | None:
    """Whether a tensor is the mean, or sum, of log-probabilities, taken as they are: one who
    minimizes that makes the answers that they belong to ever less likely. None where that
    depends on numbers, and there are none as the step is being traced."""
    node, sign, is_sure = root._edge, 1.0, True
    for _ in range(MOST_STEPS):
        if node is None or isinstance(node, Tensor):
            return False
        if (found := _is_log_probability(node)) is None:
            return None
        if found:
            return sign > 0 if is_sure else None
        factor = _sign(node)
        is_sure = is_sure and factor is not None
        sign *= 1.0 if factor is None else factor
        behind = [edge for edge in node.edges if edge is not None]
        if not sign or len(behind) != 1:
            return False
        node = behind[0]
    return False


def _is_log_probability(node: Any) -> bool | None:
    """x - log Σ exp x, or the logarithm of numbers from 0 to 1."""
    if name_of(node) == "Subtract" and len(node.edges) == 2:
        total = node.edges[1]
        return total is not None and not isinstance(total, Tensor) and name_of(total) == "Log"
    if name_of(node) != "Log":
        return False
    x = readable((getattr(node, "saved", None) or {}).get(0))
    if isinstance(x, Symbol):
        return None if len(x.shape) > 1 else False
    return isinstance(x, np.ndarray) and x.ndim > 1 and bool((x >= 0).all() and (x <= 1).all())


def _sign(node: Any) -> float | None:
    """What a step does to the sign: 1, -1, or 0 where that cannot be said."""
    name = name_of(node)
    if name in PICKING:
        return 1.0
    if name == "Negate":
        return -1.0
    known = (getattr(node, "saved", None) or {}).values()
    factors = [x for x in map(readable, known) if isinstance(x, np.ndarray | Symbol)]
    if name not in ("Multiply", "Divide") or len(factors) != 1:
        return 0.0
    (x,) = factors
    if isinstance(x, Symbol):
        return None
    if x.size == 1:
        return math.copysign(1.0, float(x.reshape(-1)[0]))
    return float(bool(((x == 0) | (x == 1)).all()))  # one of several, written out
