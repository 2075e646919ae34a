"""Products that sum over a shared axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, shapes
from chainrule.errors import DtypeError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.ops.narrowing import narrowed
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class MatMul(Primitive):
    """Matrix product  y = a b.

    Shapes:  a (…, n, k), b (…, k, m) → y (…, n, m), the leading axes broadcast
    Source:  Goodfellow et al. 2016, §6.5.6
    """

    def forward(a, b):
        return np.matmul(a, b)

    def shape(a, b):
        return shapes.matmul(a, b)

    def vjp_a(g, b):
        return g @ b.mT  # ∂L/∂a = g bᵀ

    def vjp_b(g, a):
        return (g.mT @ a).mT  # ∂L/∂b = aᵀ g, in rows where b is the transpose of a weight


class ContractionMethods(Methods):
    """What a user calls."""

    def matmul(self, other: Any) -> Tensor:
        """Vectors, matrices and stacks of matrices multiplied, as NumPy's and PyTorch's @."""
        a, b = self._operands(other, "@")
        if min(a.ndim, b.ndim) >= 2:
            return self._product(a, b)
        if a.ndim == 0 or b.ndim == 0:
            raise ShapeError("CR104", "a matrix product needs at least one axis on both sides")
        left = a.unsqueeze(0) if a.ndim == 1 else a
        right = b.unsqueeze(1) if b.ndim == 1 else b
        y = self._product(left, right)
        y = y.squeeze(-1) if b.ndim == 1 else y
        if a.ndim == 1:
            y = y.squeeze(-1 if b.ndim == 1 else -2)
        return y

    __matmul__ = matmul

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        """A stack times one matrix is one product of all its rows."""
        if a.ndim > 2 and b.ndim == 2 and a.shape[-1] == b.shape[0]:
            y = self._apply(MatMul, a.reshape(-1, a.shape[-1]), b)
            return y.reshape(*a.shape[:-1], b.shape[1])
        return self._apply(MatMul, a, b)

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices."""
        return self._of_rank(mat2, 2, "mm")

    def bmm(self, mat2: Tensor) -> Tensor:
        """The products of two stacks of matrices, pair by pair."""
        return self._of_rank(mat2, 3, "bmm")

    def _of_rank(self, other: Tensor, rank: int, what: str) -> Tensor:
        if (self.ndim, other.ndim) != (rank, rank) or self.shape[:-2] != other.shape[:-2]:
            raise ShapeError(
                "CR104",
                f"{what} takes two tensors with {rank} axes, got {tuple(self.shape)} and "
                f"{tuple(other.shape)}",
            )
        return self.matmul(other)

    def mv(self, vec: Tensor) -> Tensor:
        """A matrix times a vector."""
        if (self.ndim, vec.ndim) != (2, 1):
            raise ShapeError(
                "CR104",
                f"mv takes a matrix and a vector, got {tuple(self.shape)} and "
                f"{tuple(vec.shape)}",
            )
        return self.matmul(vec)

    def dot(self, other: Tensor) -> Tensor:
        """Σ self · other of two vectors."""
        if (self.ndim, other.ndim) != (1, 1) or self.shape != other.shape:
            raise ShapeError(
                "CR104",
                f"dot takes two vectors of equal length, got {tuple(self.shape)} and "
                f"{tuple(other.shape)}",
            )
        return self.matmul(other)

    def outer(self, vec2: Tensor) -> Tensor:
        """Every element of self times every element of vec2."""
        return self.reshape(-1, 1) * vec2.reshape(1, -1)

    ger = outer

    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · self + alpha · mat1 mat2"""
        return self * beta + (mat1 @ mat2) * alpha

    def baddbmm(
        self, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """beta · self + alpha · batch1 batch2, for stacks of matrices"""
        return self * beta + batch1.bmm(batch2) * alpha

    def tensordot(self, other: Tensor, dims: Any = 2) -> Tensor:
        """Σ over the axes `dims`: the last of self and first of other, or two lists of axes."""
        if isinstance(dims, int):
            dims = range(self.ndim - dims, self.ndim), range(dims)
        ours = [shapes.axis(d, self.ndim) for d in dims[0]]
        theirs = [shapes.axis(d, other.ndim) for d in dims[1]]
        sizes = [self.shape[i] for i in ours], [other.shape[i] for i in theirs]
        if sizes[0] != sizes[1]:
            raise ShapeError(
                "CR104",
                f"tensordot sums over axes of the sizes {sizes[0]} of {tuple(self.shape)} and "
                f"{sizes[1]} of {tuple(other.shape)}; they must be equal",
            )
        left = [i for i in range(self.ndim) if i not in ours]
        right = [i for i in range(other.ndim) if i not in theirs]
        rows, columns = [self.shape[i] for i in left], [other.shape[i] for i in right]
        shared = math.prod(sizes[0])
        a = self.permute(*left, *ours).reshape(math.prod(rows), shared)
        b = other.permute(*theirs, *right).reshape(shared, math.prod(columns))
        return (a @ b).reshape(*rows, *columns)

    def _operands(self, other: Any, what: str, narrow: bool = True) -> tuple[Any, Any]:
        if isinstance(other, np.ndarray):
            other = self._taken_in(other, f"{what} with an array")
        if not isinstance(other, Methods):
            raise DtypeError("CR204", f"{what} needs a tensor, got {type(other).__name__}")
        a, b = narrowed(self, other) if narrow else (self, other)
        if a.dtype is not b.dtype:
            raise DtypeError(
                "CR204",
                f"{what} of {self.dtype} and {other.dtype}: a product needs one type; convert "
                f"one of them, x.to({dtypes.promote_types(self.dtype, other.dtype)})",
            )
        return a, b
