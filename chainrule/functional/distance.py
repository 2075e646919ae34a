"""Distances between vectors."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.tensor.creation import ones
from chainrule.tensor.tensor import Tensor


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The distance of the vectors along the last axis  ‖x₁ - x₂ + ε‖ₚ.

    Shapes:  x1 and x2 (…, d), broadcast → (…)
    Notes:   ε keeps the derivative of equal vectors finite.

    Example:
        >>> import chainrule as cr
        >>> pairwise_distance(cr.tensor([[3.0, 0.0]]), cr.tensor([[0.0, 4.0]]))
        tensor([5.])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The distances of all pairs of rows  ‖x[i] - x[j]‖ₚ, i < j, in one vector.

    Shapes:  input (n, d) → (n (n - 1) / 2,)
    Raises:  ShapeError (CR534) for what is no table of vectors.

    Example:
        >>> import chainrule as cr
        >>> pdist(cr.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]]))
        tensor([5., 4., 3.])
    """
    if input.ndim != 2:
        raise ShapeError(
            "CR534", f"pdist takes a table of vectors (n, d), got {tuple(input.shape)}"
        )
    count = input.shape[0]
    first, second = ones(count, count).triu(1).nonzero().unbind(1)
    return (input[first] - input[second]).norm(p, -1)
