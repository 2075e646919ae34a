"""Triangles and diagonals of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ShapeError
from chainrule.ops.indexing import IndexPut
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class TriangularMethods(Methods):
    """What a user calls; `diagonal` or `offset` counts from the main one, upward positive."""

    def tril(self, diagonal: int = 0) -> Tensor:
        """The last two axes with 0 above the diagonal."""
        return self._kept_where(np.tri(*self._matrix_axes("tril()"), diagonal, dtype=bool))

    def triu(self, diagonal: int = 0) -> Tensor:
        """The last two axes with 0 below the diagonal."""
        return self._kept_where(~np.tri(*self._matrix_axes("triu()"), diagonal - 1, dtype=bool))

    def _kept_where(self, mask: np.ndarray) -> Tensor:
        return self.masked_fill(self._of(~mask), 0)

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The elements with equal positions on two axes, as the last axis of the result."""
        first, second = shapes.axis(dim1, self.ndim), shapes.axis(dim2, self.ndim)
        if first == second:
            raise ShapeError("CR109", f"diagonal: dim1={dim1} and dim2={dim2} are one axis")
        rows, columns = _places(self.shape[first], self.shape[second], offset)
        square = self.movedim((first, second), (0, 1))
        return square[self._of(rows), self._of(columns)].movedim(0, -1)

    def diag(self, diagonal: int = 0) -> Tensor:
        """The diagonal of a matrix; of a vector, the matrix with it on the diagonal."""
        if self.ndim == 2:
            return self.diagonal(diagonal)
        if self.ndim != 1:
            raise ShapeError(
                "CR109", f"diag() takes a vector or a matrix, got shape {tuple(self.shape)}"
            )
        size = self.shape[0] + abs(diagonal)
        rows, columns = _places(size, size, diagonal)
        places = (self._of(rows), self._of(columns))
        return self._apply(IndexPut, self.new_zeros(size, size), self, *places, axes=(0, 1))

    def _filled_diagonal(self, fill_value: Any) -> Tensor:
        """The matrix with one number on its diagonal."""
        height, width = self._matrix_axes("fill_diagonal_()")
        rows, columns = _places(height, width, 0)
        return self.index_put((self._of(rows), self._of(columns)), fill_value)

    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix."""
        if self.ndim != 2:
            raise ShapeError("CR109", f"trace() takes a matrix, got shape {tuple(self.shape)}")
        return self.diagonal().sum()

    def _matrix_axes(self, what: str) -> tuple[int, int]:
        if self.ndim < 2:
            raise ShapeError(
                "CR109", f"{what} needs at least 2 axes, got shape {tuple(self.shape)}"
            )
        return self.shape[-2], self.shape[-1]


def _places(height: int, width: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of a diagonal."""
    down, right = max(-offset, 0), max(offset, 0)
    along = np.arange(max(min(height - down, width - right), 0))
    return along + down, along + right
