"""The arithmetic of indexing on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule import shapes
from chainrule.ops.index_parsing import check_range


def place(
    shape: shapes.Shape, indices: tuple[np.ndarray, ...], axes: shapes.Shape
) -> tuple[Any, ...]:
    """The NumPy index in which `indices` stand on `axes` and all else is whole."""
    place: list[Any] = [slice(None)] * (max(axes) + 1)
    for index, axis in zip(indices, axes, strict=True):
        check_range(index, shape[axis], least=-shape[axis])
        place[axis] = index
    return tuple(place)


def indexed_shape(x: shapes.Shape, indices: tuple, axes: shapes.Shape) -> shapes.Shape:
    drawn = shapes.broadcast(*map(tuple, indices))
    rest = [n for i, n in enumerate(x) if i not in axes]
    together = list(axes) == list(range(axes[0], axes[-1] + 1))
    at = axes[0] if together else 0
    return (*rest[:at], *drawn, *rest[at:])


def add_rows(x: np.ndarray, v: np.ndarray, index: np.ndarray) -> np.ndarray:
    """x with the rows of v added where index says: sorted, so that each sum is one run."""
    rows = np.broadcast_to(v, (*index.shape, *x.shape[1:])).reshape(index.size, -1)
    check_range(index, x.shape[0], least=-x.shape[0])
    position = index.reshape(-1) % x.shape[0]
    order = np.argsort(position, kind="stable")
    found, starts = np.unique(position[order], return_index=True)
    y = x.copy()
    sums = np.add.reduceat(rows[order], starts, axis=0)
    y[found] += sums.reshape(-1, *x.shape[1:])
    return y


def flat_positions(shape: shapes.Shape, index: np.ndarray, axis: int) -> np.ndarray:
    """Where each element of index points in the flattened array, counted row by row."""
    check_range(index, shape[axis], least=0)
    flat, stride = np.zeros_like(index), 1
    for i in reversed(range(len(shape))):
        if i == axis:
            flat += index * stride
        elif index.shape[i] > 1:
            flat += np.arange(0, index.shape[i] * stride, stride).reshape(
                -1, *[1] * (len(shape) - 1 - i)
            )
        stride *= shape[i]
    return flat


def reduced_at(
    ufunc: np.ufunc, x: np.ndarray, index: np.ndarray, v: np.ndarray, axis: int
) -> np.ndarray:
    """x with `ufunc` of itself and the v that come to a place along an axis."""
    y = x.copy()
    flat = flat_positions(x.shape, index, axis)
    part = v[tuple(map(slice, index.shape))]
    ufunc.at(y.reshape(-1), flat.reshape(-1), part.reshape(-1))
    return y
