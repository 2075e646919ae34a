"""Functions whose tensor comes second, or not at all."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ShapeError
from chainrule.tensor.functions.out import with_out
from chainrule.tensor.tensor import Tensor


@with_out
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """In which bucket each value lies: how many of the sorted boundaries are below it.

    Args: right: whether a boundary counts as below the value that equals it.

    Example:
        >>> import chainrule as cr
        >>> cr.bucketize(cr.tensor([0.5, 3.0, 9.0]), cr.tensor([1.0, 3.0, 5.0]))
        tensor([0, 1, 3])
    """
    if boundaries.ndim != 1:
        raise ShapeError(
            "CR121",
            f"bucketize() takes a vector of boundaries, got shape {tuple(boundaries.shape)}",
        )
    return boundaries.searchsorted(input, out_int32=out_int32, right=right)


@with_out
def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of digamma.

    Example:
        >>> import chainrule as cr
        >>> cr.polygamma(1, cr.tensor([1.0]))  # π²/6
        tensor([1.6449])
    """
    return input.polygamma(n)
