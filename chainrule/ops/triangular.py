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
        return self._diagonal(offset, dim1, dim2)._as_view_of(self)

    def _diagonal(self, offset: int, dim1: int = 0, dim2: int = 1) -> Tensor:
        first, second = shapes.axis(dim1, self.ndim), shapes.axis(dim2, self.ndim)
        if first == second:
            raise ShapeError("CR109", f"diagonal: dim1={dim1} and dim2={dim2} are one axis")
        rows, columns = _places(self.shape[first], self.shape[second], offset)
        square = self.movedim((first, second), (0, 1))
        return square[self._of(rows), self._of(columns)].movedim(0, -1)

    def diag(self, diagonal: int = 0) -> Tensor:
        """The diagonal of a matrix; of a vector, the matrix with it on the diagonal."""
        if self.ndim == 2:
            return self._diagonal(diagonal)
        if self.ndim != 1:
            raise ShapeError(
                "CR109", f"diag() takes a vector or a matrix, got shape {tuple(self.shape)}"
            )
        size = self.shape[0] + abs(diagonal)
        rows, columns = _places(size, size, diagonal)
        places = (self._of(rows), self._of(columns))
        return self._apply(IndexPut, self.new_zeros(size, size), self, *places, axes=(0, 1))

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        """The last axis as the diagonal of square matrices on two axes, with 0 elsewhere."""
        length, rank = self.shape[-1], self.ndim + 1
        if shapes.axis(dim1, rank) == shapes.axis(dim2, rank):
            raise ShapeError("CR109", f"diag_embed: dim1={dim1} and dim2={dim2} are one axis")
        size = length + abs(offset)
        rows, columns = _places(size, size, offset)
        zeros = self.new_zeros(*self.shape[:-1], size, size)
        places, axes = (self._of(rows), self._of(columns)), (rank - 2, rank - 1)
        y = self._apply(IndexPut, zeros, self, *places, axes=axes)
        return y.movedim((-2, -1), (dim1, dim2))

    def diagflat(self, offset: int = 0) -> Tensor:
        """The matrix with all elements, in a row, on one diagonal."""
        return self.reshape(-1).diag_embed(offset)

    def diagonal_scatter(
        self, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
    ) -> Tensor:
        """self with its diagonal replaced by `src`, which has the shape of `diagonal`."""
        first, second = shapes.axis(dim1, self.ndim), shapes.axis(dim2, self.ndim)
        rows, columns = _places(self.shape[first], self.shape[second], offset)
        rest = [n for i, n in enumerate(self.shape) if i not in (first, second)]
        if first == second or tuple(src.shape) != (*rest, len(rows)):
            raise ShapeError(
                "CR109",
                f"diagonal_scatter: src has shape {tuple(src.shape)}, the diagonal on the axes "
                f"{dim1} and {dim2} of {tuple(self.shape)} has {(*rest, len(rows))}",
            )
        x = self.movedim((first, second), (-2, -1))
        places, axes = (self._of(rows), self._of(columns)), (self.ndim - 2, self.ndim - 1)
        y = self._apply(IndexPut, x, src._cast(self._cell.array.dtype), *places, axes=axes)
        return y.movedim((-2, -1), (first, second))

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
