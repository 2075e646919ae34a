"""Numbers per channel, such as a bias, beside an input with the axes (n, c, …)."""

from __future__ import annotations

from chainrule.tensor.tensor import Tensor


def per_channel(p: Tensor, x: Tensor) -> Tensor:
    """p in the shape that broadcasts against x: (c,) → (c, 1, …) for x (n, c, …)."""
    return p.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim > 2 else p
