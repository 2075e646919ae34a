"""Borders around the last axes of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor

#: how NumPy calls what continues an axis
NUMPY_MODES: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """The input inside a border.

    Args:
        pad: (before, after) of the last axis, then of the one before it, and so on; with
            mode "constant" a negative number cuts.
        mode: "constant" (`value`, or 0), "reflect" (mirrored at the first and last element,
            which is not repeated), "replicate" (the first and last element again and again)
            or "circular" (the axis from its other end).
    Raises: ArgumentError (CR520) for a pad that does not fit.

    Example:
        >>> import chainrule as cr
        >>> pad(cr.tensor([[1.0, 2.0, 3.0]]), (1, 2), mode="circular")
        tensor([[3., 1., 2., 3., 1., 2.]])
    """
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad) - 1, 2)][::-1]
    if len(pad) % 2 or len(pairs) > input.ndim:
        raise ArgumentError(
            "CR520",
            f"pad={tuple(pad)} for an input {tuple(input.shape)}: expected two numbers for "
            "each padded axis, (before, after), the last axis first",
        )
    if mode == "constant":
        untouched = [(0, 0)] * (input.ndim - len(pairs))
        return input.pad_constant(untouched + pairs, 0 if value is None else value)
    for dim, (before, after) in enumerate(pairs, input.ndim - len(pairs)):
        input = _continued(input, dim, before, after, mode)
    return input


def _continued(x: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    """x with elements of its own in front of an axis and behind it."""
    size = x.shape[dim]
    limits = {"reflect": size - 1, "circular": size, "replicate": np.inf if size else 0}
    if mode not in limits:
        raise ArgumentError(
            "CR520", f"pad has no mode {mode!r}; choose from constant, {', '.join(limits)}"
        )
    if not 0 <= min(before, after) <= max(before, after) <= limits[mode]:
        raise ArgumentError(
            "CR520",
            f"{mode} padding ({before}, {after}) of an axis of size {size}: it takes elements "
            f"of the axis itself, so that 0 to {limits[mode]} are possible",
        )
    positions = np.pad(np.arange(size), (before, after), mode=NUMPY_MODES[mode])
    return x.index_select(dim, Tensor._of(positions)) if before or after else x
