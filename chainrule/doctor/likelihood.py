"""Whether what backward starts from is a log-probability, where its negative should be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.doctor.measures import readable
from chainrule.doctor.step_structure import SHAPE_ONLY, name_of
from chainrule.tensor.tensor import Tensor

PICKING = SHAPE_ONLY | {"Sum", "Gather", "Index"}  # of numbers, whose sign stays
MOST_STEPS = 30


def makes_unlikely(root: Tensor) -> bool:
    """Whether a tensor is the mean, or sum, of log-probabilities, taken as they are: one who
    minimizes that makes the answers that they belong to ever less likely."""
    node, sign = root._edge, 1.0
    for _ in range(MOST_STEPS):
        if node is None or isinstance(node, Tensor):
            return False
        if _is_log_probability(node):
            return sign > 0
        sign *= _sign(node)
        behind = [edge for edge in node.edges if edge is not None]
        if not sign or len(behind) != 1:
            return False
        node = behind[0]
    return False


def _is_log_probability(node: Any) -> bool:
    """x - log Σ exp x, or the logarithm of numbers from 0 to 1."""
    if name_of(node) == "Subtract" and len(node.edges) == 2:
        total = node.edges[1]
        return total is not None and not isinstance(total, Tensor) and name_of(total) == "Log"
    x = (
        readable((getattr(node, "saved", None) or {}).get(0))
        if name_of(node) == "Log"
        else None
    )
    return isinstance(x, np.ndarray) and x.ndim > 1 and bool((x >= 0).all() and (x <= 1).all())


def _sign(node: Any) -> float:
    """What a step does to the sign: 1, -1, or 0 where that cannot be said."""
    name = name_of(node)
    if name in PICKING:
        return 1.0
    if name == "Negate":
        return -1.0
    known = (getattr(node, "saved", None) or {}).values()
    factors = [x for x in map(readable, known) if isinstance(x, np.ndarray)]
    if name not in ("Multiply", "Divide") or len(factors) != 1:
        return 0.0
    (x,) = factors
    if x.size == 1:
        return math.copysign(1.0, float(x.reshape(-1)[0]))
    return float(bool(((x == 0) | (x == 1)).all()))  # one of several, written out
