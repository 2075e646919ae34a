"""Inverses, determinants and systems of linear equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.errors import LinAlgError, ShapeError
from chainrule.ops import matrix_kernels as kernels
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor

INT32 = np.dtype(np.int32)


class Inverse(Primitive):
    """y = x⁻¹.

    Args:    checked: raise where x is singular, instead of returning inf.
    Raises:  LinAlgError (CR131), in forward.
    Source:  Giles 2008, "Collected matrix derivative results", §2.2.3
    """

    def forward(x, *, checked):
        try:
            return np.linalg.inv(x)
        except np.linalg.LinAlgError:
            if checked:
                raise _singular("inv", x) from None
        return kernels.each_matrix(x, np.linalg.inv, np.full_like(x, np.inf))

    def shape(x, *, checked):
        return x

    def vjp_x(g, y):
        return -(y.mT @ g @ y.mT)  # ∂L/∂x = -x⁻ᵀ g x⁻ᵀ


class SingularAt(Primitive):
    """The first column without a pivot, counted from 1; 0 if every column has one."""

    def forward(x):
        rows = kernels.row_order(kernels.pivot_rows(x).astype(np.int64), x.shape[-2])
        upper = kernels.eliminated(np.take_along_axis(x, rows[..., None], -2))
        missing = np.diagonal(upper, axis1=-2, axis2=-1) == 0
        if not x.shape[-1]:
            return np.zeros(x.shape[:-2], INT32)
        return np.where(missing.any(-1), missing.argmax(-1) + 1, 0).astype(INT32)

    def shape(x):
        return x[:-2]

    def dtype(x):
        return INT32


class Solve(Primitive):
    """The solution y of the systems  a y = b.

    Shapes:  a (…, n, n), b (…, n, k) → y (…, n, k), the leading axes broadcast
    Args:    checked: raise where a is singular, instead of returning inf.
    Raises:  LinAlgError (CR131), in forward.
    """

    def forward(a, b, *, checked):
        try:
            return np.linalg.solve(a, b)
        except np.linalg.LinAlgError:
            if checked:
                raise _singular("solve", a) from None
        return kernels.each_matrix(a, np.linalg.inv, np.full_like(a, np.inf)) @ b

    def shape(a, b, *, checked):
        return shapes.matmul(a, b)

    def vjp_a(g, a, y):
        return -(a.mT._solved(g) @ y.mT)  # ∂L/∂a = -a⁻ᵀ g yᵀ

    def vjp_b(g, a):
        return a.mT._solved(g)


class SolveTriangular(Primitive):
    """The solution y of  a y = b,  of which only one triangle of a is read.

    Args:    upper: which triangle; unit: the diagonal of a is taken to be 1.
    Shapes:  as Solve; a 0 on the diagonal gives inf or nan
    """

    def forward(a, b, *, upper, unit):
        return kernels.substituted(a, b, upper, unit)

    def shape(a, b, *, upper, unit):
        return shapes.matmul(a, b)

    def vjp_a(g, a, y, upper, unit):
        ga = -(a._substituted(g, upper=upper, transposed=True, unit=unit) @ y.mT)
        return ga.triu(int(unit)) if upper else ga.tril(-int(unit))

    def vjp_b(g, a, upper, unit):
        return a._substituted(g, upper=upper, transposed=True, unit=unit)


class Determinant(Primitive):
    """y = det x."""

    def forward(x):
        with np.errstate(all="ignore"):
            return np.linalg.det(x)

    def shape(x):
        return x[:-2]

    def vjp_x(g, x):
        return g[..., None, None] * x._apply(Cofactors, x)  # Jacobi's formula


class Cofactors(Primitive):
    """The derivative of det x:  y = det(x) x⁻ᵀ,  and its limit where x is singular.

    Raises:  LinAlgError (CR131) for its own derivative, if x is singular.
    """

    def forward(x):
        return kernels.cofactors(x)

    def shape(x):
        return x

    def vjp_x(g, x, y):
        inverse = x.inverse().mT
        along = (g * inverse).sum((-2, -1), keepdim=True)
        return along * y - inverse @ g.mT @ y


class SignLogDet(Primitive):
    """The sign of det x and log |det x|, next to each other on a new last axis."""

    def forward(x):
        with np.errstate(all="ignore"):
            return np.stack(np.linalg.slogdet(x), -1)

    def shape(x):
        return (*x[:-2], 2)

    def vjp_x(g, x):
        inverse = x._apply(Inverse, x, checked=False)
        return g[..., 1, None, None] * inverse.mT  # the sign is constant


class PseudoInverse(Primitive):
    """Moore and Penrose's inverse; singular values up to max(atol, rtol · largest) count as 0.

    Shapes:  x (…, m, n) → y (…, n, m)
    Notes:   the derivative is the one among matrices of the same rank.
    Source:  Golub & Pereyra 1973, "The differentiation of pseudo-inverses", eq. 4.12
    """

    def forward(x, *, rtol, atol):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        cutoff = np.maximum(atol, rtol * s.max(-1, keepdims=True, initial=0))
        inverse = np.divide(1, s, out=np.zeros_like(s), where=s > cutoff)
        v = np.swapaxes(vh, -1, -2)
        return (v * inverse[..., None, :]) @ np.swapaxes(u, -1, -2)

    def shape(x, *, rtol, atol):
        return (*x[:-2], x[-1], x[-2])

    def vjp_x(g, x, y):
        first = y.mT @ g @ y.mT
        second = g.mT @ y @ y.mT
        third = y.mT @ y @ g.mT
        return second - x @ (y @ second) - first + third - (third @ y) @ x


def _singular(what: str, x: np.ndarray) -> LinAlgError:
    """Which of the matrices it is, and the repair."""
    where = ""
    if x.ndim > 2:
        found: Any = SingularAt.forward  # a static method, which mypy does not know
        flat = np.flatnonzero(found(x))
        place = tuple(map(int, np.unravel_index(flat[0], x.shape[:-2]))) if flat.size else ()
        where = f" {place}" if place else ""
    return LinAlgError(
        "CR131",
        f"{what}: matrix{where} is singular, its rows are not independent; use linalg.pinv or "
        "linalg.lstsq, or add a little to its diagonal",
    )


class TriangularSolution(NamedTuple):
    """The solution of a triangular system, and the matrix it belongs to."""

    solution: Tensor
    cloned_coefficient: Tensor


class SignAndLog(NamedTuple):
    """The sign of a determinant and the logarithm of its size."""

    sign: Tensor
    logabsdet: Tensor


class SolvingMethods(Methods):
    """What a user calls; the rest of them is in chainrule.linalg."""

    def inverse(self) -> Tensor:
        """The matrix y with  self y = 1."""
        return self._apply(Inverse, self._matrices("inv"), checked=True)

    def det(self) -> Tensor:
        """The determinant."""
        return self._apply(Determinant, self._matrices("det"))

    def slogdet(self) -> SignAndLog:
        """The sign of the determinant, and log |det|."""
        y = self._apply(SignLogDet, self._matrices("slogdet"))
        return SignAndLog(y[..., 0].detach(), y[..., 1])

    def logdet(self) -> Tensor:
        """log det; nan where the determinant is negative."""
        sign, log = self.slogdet()
        return log.masked_fill(sign < 0, float("nan"))

    def pinverse(self, rcond: float = 1e-15) -> Tensor:
        """Moore and Penrose's inverse; singular values up to rcond · largest count as 0."""
        x = self._matrices("pinverse", square=False)
        return self._apply(PseudoInverse, x, rtol=float(rcond), atol=0.0)

    def _inverted_or_inf(self) -> Tensor:
        """The inverse; inf where there is none."""
        return self._apply(Inverse, self, checked=False)

    def _solved(self, b: Tensor, checked: bool = True) -> Tensor:
        """y with  self y = b."""
        return self._apply(Solve, self, b, checked=checked)

    def _substituted(
        self, b: Tensor, *, upper: bool = False, transposed: bool = False, unit: bool = False
    ) -> Tensor:
        """y with  self y = b  or  selfᵀ y = b;  one triangle of self is read."""
        a: Any = self.mT if transposed else self
        return self._apply(SolveTriangular, a, b, upper=upper != transposed, unit=unit)

    def triangular_solve(
        self, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
    ) -> TriangularSolution:
        """y with  A y = self  for a triangular A (or Aᵀ, with `transpose`), and A."""
        b, a = self._right_side(A, "triangular_solve")
        y = a._substituted(b, upper=upper, transposed=transpose, unit=unitriangular)
        return TriangularSolution(y, A.clone())

    def cholesky_solve(self, L: Any, upper: bool = False) -> Tensor:
        """y with  L Lᵀ y = self;  with `upper`, Lᵀ L y = self."""
        b, factor = self._right_side(L, "cholesky_solve")
        middle = factor._substituted(b, upper=upper, transposed=upper)
        return factor._substituted(middle, upper=upper, transposed=not upper)

    def cholesky_inverse(self, upper: bool = False) -> Tensor:
        """(L Lᵀ)⁻¹ of a triangular self = L;  with `upper`, (Lᵀ L)⁻¹."""
        x = self._matrices("cholesky_inverse")
        ones = x._of(np.eye(x.shape[-1], dtype=x._cell.array.dtype))
        half = x._substituted(ones, upper=upper)
        return half @ half.mT if upper else half.mT @ half

    def lu_solve(self, LU_data: Any, LU_pivots: Any) -> Tensor:
        """y with  a y = self,  for the factorization of a."""
        b, factors = self._right_side(LU_data, "lu_solve")
        return by_elimination(factors, LU_pivots, b, adjoint=False)

    def lu(self, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
        """L and U in one matrix, the exchanges of rows and, if asked for, where U has a 0."""
        x = self._matrices("lu", square=False)
        pivots = x._pivots(pivot)
        y = x._lu(pivots)
        if not get_infos:
            return y, pivots
        k = min(x.shape[-2:])
        return y, pivots, x._apply(SingularAt, x.detach()._rows_exchanged(pivots)[..., :k, :k])

    def _right_side(self, a: Any, what: str) -> tuple[Any, Any]:
        """self as the right side of a system with the matrices a, and these, checked."""
        a = a._matrices(what)
        b, a = self._matrices(what, square=False)._operands(a, what, narrow=False)
        if b.shape[-2] != a.shape[-1]:
            raise ShapeError(
                "CR133",
                f"{what}: {b.shape[-2]} right-hand rows for {a.shape[-1]} equations (shapes "
                f"{tuple(b.shape)} and {tuple(a.shape)})",
            )
        return b, a


def by_elimination(factors: Tensor, pivots: Tensor, b: Tensor, adjoint: bool) -> Tensor:
    """The solution of  P L U y = b,  or of its transpose."""
    batch = shapes.broadcast(tuple(factors.shape[:-2]), tuple(b.shape[:-2]))
    pivots = pivots.expand(*batch, pivots.shape[-1])
    b = b.expand(*batch, *b.shape[-2:])
    if not adjoint:
        y = factors._substituted(b._rows_exchanged(pivots), unit=True)
        return factors._substituted(y, upper=True)
    y = factors._substituted(b, upper=True, transposed=True)
    y = factors._substituted(y, transposed=True, unit=True)
    return y._rows_restored(pivots)
