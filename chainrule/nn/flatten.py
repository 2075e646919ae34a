"""Layers without parameters that only change the shape, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Identity(Module):
    """The input as it is; arguments are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Flatten(Module):
    """The axes from start_dim to end_dim made one: (n, c, h, w) → (n, c·h·w).

    Example:
        >>> import chainrule as cr
        >>> Flatten()(cr.zeros(32, 1, 28, 28)).shape
        chainrule.Size([32, 784])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis made several: (n, c·h·w) → (n, c, h, w)."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
