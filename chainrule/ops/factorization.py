"""Factorizations of matrices into triangles and orthonormal columns.

Of the two factors of QR and LU the primitive returns what the other one follows from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule.errors import DtypeError, LinAlgError, ShapeError
from chainrule.ops import matrix_kernels as kernels
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor

INT32 = np.dtype(np.int32)


class Cholesky(Primitive):
    """The lower triangle L with  L Lᵀ = x, of the symmetric part of x.

    Args:    checked: raise where x is not positive definite, instead of returning nan.
    Raises:  LinAlgError (CR132), in forward.
    Source:  Murray 2016, "Differentiation of the Cholesky decomposition", eq. 10
    """

    def forward(x, *, checked):
        x = kernels.symmetric(x)
        try:
            return np.linalg.cholesky(x)
        except np.linalg.LinAlgError:
            if checked:
                raise _indefinite(x) from None
        return kernels.each_matrix(x, np.linalg.cholesky, np.full_like(x, np.nan))

    def shape(x, *, checked):
        return x

    def vjp_x(g, y):
        middle = (y.mT @ g.tril()).tril()
        middle = middle - middle * diagonal_mask(y) / 2  # Φ: the diagonal counts half
        left = y._substituted(middle, transposed=True)  # L⁻ᵀ Φ
        return _symmetric(y._substituted(left.mT, transposed=True))


class IndefiniteAt(Primitive):
    """The order of the first leading minor that is not positive; 0 if there is none."""

    def forward(x):
        x = kernels.symmetric(x)
        found = np.zeros(x.shape[:-2], INT32)
        for place in np.ndindex(x.shape[:-2]):
            found[place] = _first_minor(x[place])
        return found

    def shape(x):
        return x[:-2]

    def dtype(x):
        return INT32


def _first_minor(x: np.ndarray) -> int:
    for order in range(1, len(x) + 1):
        try:
            np.linalg.cholesky(x[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return 0


def _indefinite(x: np.ndarray) -> LinAlgError:
    order = next(n for place in np.ndindex(x.shape[:-2]) if (n := _first_minor(x[place])))
    return LinAlgError(
        "CR132",
        f"cholesky: the matrix is not positive definite (its leading minor of order {order} is "
        "not positive); if it is so up to rounding, add a little to the diagonal, "
        "x + 1e-6 * chainrule.eye(n)",
    )


class Orthonormal(Primitive):
    """Q of the factorization  x = Q R, with R upper triangular, of a tall or square x.

    Shapes:  x (…, m, n), m ≥ n → Q (…, m, n)
    Source:  Walter & Lehmann 2012, "Algorithmic differentiation of linear algebra functions"
    """

    def forward(x):
        return np.linalg.qr(x)[0]

    def shape(x):
        return x

    def vjp_x(g, x, y):
        turned = y.mT @ g
        skew = (turned - turned.mT).tril(-1)
        gx = g - y @ turned + y @ skew
        r = (y.mT @ x).triu()
        return r._substituted(gx.mT, upper=True).mT  # gx R⁻ᵀ


class Completed(Primitive):
    """A square orthonormal basis: Q of x = Q R with all its columns; it has no derivative."""

    def forward(x):
        return np.linalg.qr(x, "complete")[0]

    def shape(x):
        return (*x[:-1], x[-2])


class Reflections(Primitive):
    """The reflections  1 - τᵢ vᵢ vᵢᵀ  whose product is Q of x = Q R; no derivative.

    Shapes:  x (…, m, n) → y (…, m + 1, n): R above the vᵢ, over the τᵢ with 0 behind them
    """

    def forward(x):
        packed, tau = np.linalg.qr(x, "raw")
        tau = np.pad(tau, [(0, 0)] * (x.ndim - 2) + [(0, x.shape[-1] - tau.shape[-1])])
        return np.concatenate([np.swapaxes(packed, -1, -2), tau[..., None, :]], -2)

    def shape(x):
        return (*x[:-2], x[-2] + 1, x[-1])


class Elimination(Primitive):
    """x = L U  by Gaussian elimination without exchanging rows.

    Args:    checked: raise where a pivot is 0.
    Shapes:  x (…, n, n) → y: L below the diagonal (1 on it is not stored), U on and above it
    Raises:  LinAlgError (CR131), in forward.
    """

    def forward(x, *, checked):
        y = kernels.eliminated(x)
        if checked and (np.diagonal(y, axis1=-2, axis2=-1) == 0).any():
            raise LinAlgError(
                "CR131",
                "lu_factor: the matrix is singular, a pivot is 0, and lu_solve would divide by "
                "it; linalg.lu and linalg.lu_factor_ex factor it all the same",
            )
        return y

    def shape(x, *, checked):
        return x

    def vjp_x(g, y):
        lower = y.tril(-1) + diagonal_mask(y)
        middle = (lower.mT @ g.tril(-1)).tril(-1) + (g.triu() @ y.triu().mT).triu()
        left = lower._substituted(middle, transposed=True, unit=True)  # L⁻ᵀ M
        return y._substituted(left.mT, upper=True).mT  # (…) U⁻ᵀ


class Pivots(Primitive):
    """The row that each step of Gaussian elimination exchanges with its own, from 1."""

    def forward(x):
        return kernels.pivot_rows(x) + np.int32(1)

    def shape(x):
        return (*x[:-2], min(x[-2:]))

    def dtype(x):
        return INT32


class RowOrder(Primitive):
    """The rows in the order that the exchanges `pivots` leave them in."""

    def forward(pivots, *, rows):
        return kernels.row_order(pivots.astype(np.int64) - 1, rows)

    def shape(pivots, *, rows):
        return (*pivots[:-1], rows)

    def dtype(pivots, *, rows):
        return np.dtype(np.int64)


def diagonal_mask(x: Tensor) -> Tensor:
    """1 on the diagonal of the square matrices x, else 0."""
    return x._of(np.eye(x.shape[-1], dtype=x._cell.array.dtype))


def _symmetric(x: Tensor) -> Tensor:
    return (x + x.mT) / 2


class QR(NamedTuple):
    """Orthonormal columns and an upper triangle."""

    Q: Tensor
    R: Tensor


class Reflected(NamedTuple):
    """R over the vectors of reflections, and how far each reflects."""

    a: Tensor
    tau: Tensor


class FactorizationMethods(Methods):
    """What a user calls; the rest of them is in chainrule.linalg."""

    def _matrices(self, what: str, square: bool = True) -> Any:
        """self, if it is a stack of matrices of a type that they are computed in."""
        if self.dtype.name not in ("float32", "float64"):
            halved = self.is_floating_point()
            raise DtypeError(
                "CR202" if halved else "CR203",
                f"{what} is computed in float32 and float64, got {self.dtype}; convert first, "
                "x.float()",
            )
        if self.ndim < 2 or (square and self.shape[-1] != self.shape[-2]):
            raise ShapeError(
                "CR133",
                f"{what} needs {'square matrices, (…, n, n)' if square else 'matrices'}, got "
                f"shape {tuple(self.shape)}",
            )
        return self

    def _mirrored(self, what: str, upper: bool = False) -> Tensor:
        """Symmetric matrices of which one triangle is read; the gradient is symmetric too."""
        x = self._matrices(what).detach()
        kept = x.triu() if upper else x.tril()
        other = x.triu(1) if upper else x.tril(-1)
        return self + (kept + other.mT - x)  # 0 is added where the matrix is symmetric

    def cholesky(self, upper: bool = False) -> Tensor:
        """The triangle L with  L Lᵀ = self; with `upper`, Lᵀ."""
        return self._cholesky(upper)

    def _cholesky(self, upper: bool = False, checked: bool = True) -> Tensor:
        y = self._apply(Cholesky, self._mirrored("cholesky", upper), checked=checked)
        return y.mT if upper else y

    def qr(self, some: bool = True) -> QR:
        """Orthonormal Q and upper triangular R with  Q R = self; a square Q unless `some`."""
        return self._qr("reduced" if some else "complete")

    def _qr(self, mode: str) -> QR:
        x = self._matrices("qr", square=False)
        rows, columns = x.shape[-2:]
        base = x if columns <= rows else x[..., :rows]
        q = self._apply(Orthonormal, base)
        r = (q.mT @ x).triu()
        if mode == "r":
            return QR(x.new_zeros(0), r)
        if mode == "complete" and rows > columns:
            q = q._completed()
            r = r.pad_constant([(0, 0)] * (x.ndim - 2) + [(0, rows - columns), (0, 0)])
        return QR(q, r)

    def _completed(self) -> Tensor:
        """Orthonormal columns with those that fill up the space, which get no gradient."""
        own = self.shape[-1]
        rest = self._apply(Completed, self.detach())[..., own:]
        return self.concatenate([self, rest], -1)

    def geqrf(self) -> Reflected:
        """Q R = self, Q as the reflections that `orgqr` and `ormqr` multiply; no gradient."""
        x = self._matrices("geqrf", square=False)
        y = x._apply(Reflections, x)
        return Reflected(y[..., :-1, :], y[..., -1, : min(x.shape[-2:])])

    def ormqr(
        self, tau: Tensor, other: Any, left: bool = True, transpose: bool = False
    ) -> Tensor:
        """Q other, for the Q of the reflections in self; Qᵀ with `transpose`, else other Q."""
        if not left:
            return self.ormqr(tau, other.mT, True, not transpose).mT
        v = self._matrices("ormqr", square=False).tril(-1)._filled_diagonals(1)
        y, order = other, range(tau.shape[-1])
        for i in order if transpose else reversed(order):
            column = v[..., i : i + 1]
            y = y - tau[..., i, None, None] * (column @ (column.mT @ y))
        return y

    def orgqr(self, input2: Tensor) -> Tensor:
        """The first columns of the product of reflections  1 - τᵢ vᵢ vᵢᵀ,  τ = input2.

        vᵢ stands in column i of self, below the diagonal; its element there is 1.
        """
        x = self._matrices("householder_product", square=False)
        return x.ormqr(input2, x.zeros_like()._filled_diagonals(1))

    def _pivots(self, pivot: bool) -> Tensor:
        """The exchanges of rows, from 1; without pivoting every row stays."""
        if pivot:
            return self._apply(Pivots, self)
        steps = min(self.shape[-2:])
        stay = self._of(np.arange(1, steps + 1, dtype=np.int32))
        return stay.expand(*self.shape[:-2], steps).clone()

    def _rows_exchanged(self, pivots: Tensor) -> Tensor:
        """The rows of self as `pivots` exchange them."""
        order = self._apply(RowOrder, pivots, rows=self.shape[-2])
        return self.take_along_dim(order.unsqueeze(-1), -2)

    def _rows_restored(self, pivots: Tensor) -> Tensor:
        """The rows of self where they stood before `pivots` exchanged them."""
        order = self._apply(RowOrder, pivots, rows=self.shape[-2]).argsort(-1)
        return self.take_along_dim(order.unsqueeze(-1), -2)

    def _lu(self, pivots: Tensor, checked: bool = False) -> Tensor:
        """L and U in one matrix, of any shape: a square part, and what follows from it."""
        x = self._rows_exchanged(pivots)
        rows, columns = x.shape[-2:]
        k = min(rows, columns)
        square = self._apply(Elimination, x[..., :k, :k], checked=checked)
        if columns > k:
            right = square._substituted(x[..., k:], unit=True)
            return self.concatenate([square, right], -1)
        if rows > k:
            below = square._substituted(x[..., k:, :].mT, upper=True, transposed=True).mT
            return self.concatenate([square, below], -2)
        return square
