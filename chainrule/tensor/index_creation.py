"""Tensors of positions: the triangles of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.device import resolve_device
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ShapeError
from chainrule.tensor.tensor import Tensor


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Dtype | None = None, device: Any = None
) -> Tensor:
    """Rows and columns (2, count) of the places on and below a diagonal, row by row.

    Example:
        >>> import chainrule as cr
        >>> cr.tril_indices(2, 2).tolist()
        [[0, 1, 1], [0, 0, 1]]
    """
    resolve_device(device)
    return _places(np.tri(*_sizes("tril_indices", row, col), offset, dtype=bool), dtype)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Dtype | None = None, device: Any = None
) -> Tensor:
    """Rows and columns (2, count) of the places on and above a diagonal, row by row."""
    resolve_device(device)
    return _places(~np.tri(*_sizes("triu_indices", row, col), offset - 1, dtype=bool), dtype)


def _sizes(what: str, row: int, col: int) -> tuple[int, int]:
    if row < 0 or col < 0:
        raise ShapeError("CR120", f"{what}: a size cannot be negative, got {row} and {col}")
    return row, col


def _places(mask: np.ndarray, dtype: Dtype | None) -> Tensor:
    kind = dtypes.int64.numpy if dtype is None else dtypes.numpy_of(dtype)
    return Tensor._of(dtypes.cast(np.stack(np.nonzero(mask)), kind))
