"""A module with several outputs as one with a single output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def leaves(value: Any) -> list[Any]:
    """The tensors in nested tuples."""
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    return [] if value is None else [value]


def joined(t: Any, layer: Any, call: Callable[..., Any]) -> Any:
    """A module around a layer whose outputs are all joined in one vector."""

    class Joined(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, *inputs: Any) -> Any:
            found = leaves(call(self.layer, *inputs))
            return t.cat([y.reshape(-1).to(t.float64) for y in found])

    return Joined()
