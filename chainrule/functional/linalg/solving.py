"""Systems of linear equations, inverses and determinants."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule import dtypes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.linalg.norm import default_rtol, matrix_rank
from chainrule.ops.solving import (
    Inverse,
    PseudoInverse,
    SignAndLog,
    SingularAt,
    by_elimination,
)
from chainrule.tensor.functions.out import with_out
from chainrule.tensor.tensor import Tensor


class InverseAndInfo(NamedTuple):
    """An inverse, and the first column without a pivot, else 0."""

    inverse: Tensor
    info: Tensor


class ResultAndInfo(NamedTuple):
    """A solution, and the first column without a pivot, else 0."""

    result: Tensor
    info: Tensor


class LeastSquares(NamedTuple):
    """What `lstsq` finds; what its driver does not compute is empty."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


@with_out
def det(A: Tensor) -> Tensor:
    """The determinant of square matrices.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.det(cr.tensor([[2., 1.], [0., 3.]]))
        tensor(6.)
    """
    return A.det()


@with_out
def slogdet(A: Tensor) -> SignAndLog:
    """The sign of the determinant and log |det|: no overflow where det is large."""
    return A.slogdet()


@with_out
def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices.

    Raises: LinAlgError (CR131) if one is singular.

    Notes: to multiply by an inverse, `solve` is faster and more exact.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.inv(cr.tensor([[2., 0.], [0., 4.]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    return A.inverse()


@with_out
def inv_ex(A: Tensor, *, check_errors: bool = False) -> InverseAndInfo:
    """As `inv`; a singular matrix gives inf, and info says which column has no pivot."""
    x = A._matrices("inv")
    y = x._apply(Inverse, x, checked=check_errors)
    return InverseAndInfo(y, x._apply(SingularAt, x.detach()))


@with_out
def pinv(
    A: Tensor,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """Moore and Penrose's inverse of any matrix.

    Args:
        rcond, rtol: singular values up to rtol · the largest count as 0; by default
            max(m, n) · eps, or 0 if `atol` is given
        atol: so do those up to atol
        hermitian: A is symmetric

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.pinv(cr.tensor([[2., 0.], [0., 0.]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.0000]])
    """
    x = A._mirrored("pinv") if hermitian else A._matrices("pinv", square=False)
    relative = rtol if rcond is None else rcond
    if relative is None:
        relative = default_rtol(x, atol)
    return x._apply(PseudoInverse, x, rtol=float(relative), atol=float(atol or 0.0))


@with_out
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with  A X = B;  X A = B unless `left`.

    Shapes: A (…, n, n); B (…, n, k), or (…, n) if it is one vector for each matrix

    Raises: LinAlgError (CR131) if a matrix is singular.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.solve(cr.tensor([[2., 0.], [0., 4.]]), cr.tensor([2., 2.]))
        tensor([1.0000, 0.5000])
    """
    return _solve(A, B, left, checked=True)


def _solve(A: Tensor, B: Tensor, left: bool, checked: bool) -> Tensor:
    if _are_vectors(A, B):
        if not left:
            raise ArgumentError("CR902", "solve: left=False takes matrices B, not vectors")
        return _solve(A, B.unsqueeze(-1), left, checked).squeeze(-1)
    if left:
        b, a = B._right_side(A, "solve")
        return a._solved(b, checked)
    return _solve(A.mT, B.mT, True, checked).mT


def _are_vectors(A: Tensor, B: Tensor) -> bool:
    """Whether B holds one vector for each matrix of A, and not a matrix."""
    return B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))


@with_out
def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> ResultAndInfo:
    """As `solve`; a singular matrix raises nothing, info says which column has no pivot."""
    y = _solve(A, B, left, checked=check_errors)
    return ResultAndInfo(y, A._apply(SingularAt, A.detach()))


@with_out
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with  A X = B  (X A = B unless `left`) for triangular A, of which one triangle is read.

    Args: unitriangular: the diagonal is taken to be 1.

    Example:
        >>> import chainrule as cr
        >>> A, B = cr.tensor([[1., 0.], [2., 1.]]), cr.tensor([[1.], [4.]])
        >>> cr.linalg.solve_triangular(A, B, upper=False)
        tensor([[1.],
                [2.]])
    """
    if not left:
        y = solve_triangular(A.mT, B.mT, upper=not upper, unitriangular=unitriangular)
        return y.mT
    b, a = B._right_side(A, "solve_triangular")
    return a._substituted(b, upper=upper, unit=unitriangular)


@with_out
def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X with  A X = B  for the A that `lu_factor` factored.

    Args: left: unless it is set, X A = B; adjoint: with Aᵀ in the place of A.
    """
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    b, factors = B._right_side(LU, "lu_solve")
    return by_elimination(factors, pivots, b, adjoint)


def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> LeastSquares:
    """The X of least length with the least  ‖A X - B‖.

    Args:
        rcond: singular values up to rcond · the largest count as 0; by default
            max(m, n) · eps
        driver: "gelsy" (the default), "gelsd", "gelss" or "gels": which of the other results
            are computed. All solve in the same way here.

    Example:
        >>> import chainrule as cr
        >>> A = cr.tensor([[1., 0.], [1., 1.], [1., 2.]])
        >>> X = cr.linalg.lstsq(A, cr.tensor([[1.], [3.], [5.]])).solution
        >>> cr.allclose(X, cr.tensor([[1.], [2.]]), atol=1e-5)
        True
    """
    used = driver or "gelsy"
    if used not in ("gels", "gelsy", "gelsd", "gelss"):
        raise ArgumentError(
            "CR902", f'lstsq: driver is "gels", "gelsy", "gelsd" or "gelss", got {driver!r}'
        )
    A._matrices("lstsq", square=False)
    b = B.unsqueeze(-1) if _are_vectors(A, B) else B
    if b.ndim < 2 or b.shape[-2] != A.shape[-2]:
        raise ShapeError(
            "CR133",
            f"lstsq: A {tuple(A.shape)} and B {tuple(B.shape)} need as many rows each",
        )
    y = pinv(A, rcond) @ b
    none = A.detach().new_zeros(0)
    rank = none.to(dtypes.int64) if used == "gels" else matrix_rank(A.detach(), rtol=rcond)
    values = A.detach()._singular_values() if used in ("gelsd", "gelss") else none
    residuals = _residuals(A, y, b, rank) if used != "gelsy" else none
    solution = y.squeeze(-1) if b is not B else y
    return LeastSquares(solution, residuals, rank, values)


def _residuals(A: Tensor, y: Tensor, b: Tensor, rank: Tensor) -> Tensor:
    """Σ (A y - b)² of each column, if there are more equations than unknowns, all of use."""
    rows, columns = A.shape[-2:]
    full = rank.numel() == 0 or bool((rank == columns).all())
    if rows <= columns or not full:
        return A.new_zeros(0)
    return (A @ y - b).square().sum(-2)


@with_out
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a map from its last axes to its first `ind`.

    Shapes: A (*first, *last), both of as many elements → (*last, *first)

    Raises: ShapeError (CR133) for other shapes; LinAlgError (CR131) if A is singular.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.tensorinv(cr.eye(6).reshape(2, 3, 6)).shape
        chainrule.Size([6, 2, 3])
    """
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if ind <= 0 or math.prod(first) != math.prod(last):
        raise ShapeError(
            "CR133",
            f"tensorinv: the first {ind} axes of {tuple(A.shape)} and the others must hold as "
            "many elements",
        )
    return A.reshape(math.prod(first), -1).inverse().reshape(*last, *first)


@with_out
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X with  tensordot(A, X, X.ndim) = B;  the axes `dims` of A are first moved to its end."""
    x = A
    if dims is not None:
        x = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    wanted = tuple(x.shape[B.ndim :])
    if math.prod(wanted) != B.numel() or math.prod(x.shape[: B.ndim]) != B.numel():
        raise ShapeError(
            "CR133",
            f"tensorsolve: A {tuple(x.shape)} must hold a square map onto B {tuple(B.shape)}",
        )
    return solve(x.reshape(B.numel(), -1), B.reshape(-1)).reshape(wanted)
