"""Inputs with spatial axes, (n, channels, *spatial), and what is said of each of those axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.errors import ShapeError
from chainrule.tensor.tensor import Tensor

Sizes = int | Sequence[int]


def per_axis(sizes: Sizes, count: int) -> tuple[int, ...]:
    """One number for all axes, or one for each, as one for each."""
    listed = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    return listed * count if len(listed) == 1 else listed


def repeated(given: Any, count: int) -> tuple[Any, ...]:
    """One value for all axes as one for each; a list, of any length, as it is."""
    return tuple(given) if isinstance(given, Sequence) else (given,) * count


def batched(input: Tensor, spatial: int) -> Tensor:
    """The input with an axis for the batch, if it came without."""
    return input.unsqueeze(0) if input.ndim == spatial + 1 else input


def check_spatial(what: str, input: Tensor, spatial: int) -> None:
    """Raises ShapeError (CR110) unless the input has `spatial` axes after its channels."""
    if input.ndim not in (spatial + 1, spatial + 2):
        raise ShapeError(
            "CR110",
            f"{what} takes (n, channels, *spatial) or (channels, *spatial) with {spatial} "
            f"spatial axes, got {tuple(input.shape)}",
        )
