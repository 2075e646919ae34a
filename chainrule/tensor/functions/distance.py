"""Distances between vectors."""

from __future__ import annotations

from chainrule.tensor.tensor import Tensor


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """The distance of every row of x1 to every row of x2: y[i, j] = ‖x1[i] - x2[j]‖ₚ."""
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)
