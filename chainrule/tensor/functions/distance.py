"""Distances between vectors."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The distance of every row of x1 to every row of x2: y[i, j] = ‖x1[i] - x2[j]‖ₚ.

    Shapes: x1 (…, n, d), x2 (…, m, d) → (…, n, m)

    Args: p: which norm, at least 0; compute_mode: taken for its name, one way serves all.

    Example:
        >>> import chainrule as cr
        >>> cr.cdist(cr.tensor([[0., 0.]]), cr.tensor([[3., 4.], [0., 1.]]))
        tensor([[5., 1.]])
    """
    if p < 0:
        raise ArgumentError("CR902", f"cdist needs a p of at least 0, got {p}")
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)
