"""Matrices as products of simpler ones."""

from __future__ import annotations

from typing import NamedTuple

from chainrule.errors import ArgumentError
from chainrule.ops.factorization import QR, IndefiniteAt
from chainrule.tensor.functions.out import with_out
from chainrule.tensor.tensor import Tensor


class CholeskyAndInfo(NamedTuple):
    """A triangle, and the order of the first minor that is not positive, else 0."""

    L: Tensor
    info: Tensor


class Eigen(NamedTuple):
    """x V = V diag(λ)."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SingularTransposed(NamedTuple):
    """x = U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class LU(NamedTuple):
    """x = P L U."""

    P: Tensor
    L: Tensor
    U: Tensor


class LUFactor(NamedTuple):
    """L below the diagonal and U above it, and the exchanges of rows."""

    LU: Tensor
    pivots: Tensor


class LUFactorAndInfo(NamedTuple):
    """As LUFactor, and the first column without a pivot, else 0."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


@with_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangle L with  L Lᵀ = A, of a positive definite A; with `upper`, Lᵀ.

    Only the lower triangle of A is read (the upper, with `upper`).

    Raises: LinAlgError (CR132) if A is not positive definite.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.cholesky(cr.tensor([[4., 2.], [2., 2.]]))
        tensor([[2., 0.],
                [1., 1.]])
    """
    return A._cholesky(upper)


@with_out
def cholesky_ex(
    A: Tensor, *, upper: bool = False, check_errors: bool = False
) -> CholeskyAndInfo:
    """As `cholesky`; where A is not positive definite, nan, and info says which minor it is."""
    L = A._cholesky(upper, checked=check_errors)
    return CholeskyAndInfo(L, A._apply(IndefiniteAt, A.detach()._mirrored("cholesky", upper)))


@with_out
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Orthonormal columns Q and an upper triangle R with  Q R = A.

    Args: mode: "reduced", min(m, n) columns; "complete", a square Q, of which the columns
        that fill up the space get no gradient; "r", only R (Q is empty).

    Example:
        >>> import chainrule as cr
        >>> A = cr.tensor([[3., 1.], [4., 2.]])
        >>> Q, R = cr.linalg.qr(A)
        >>> cr.allclose(Q @ R, A), cr.allclose(Q.T @ Q, cr.eye(2), atol=1e-6)
        (True, True)
    """
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError("CR902", f'qr: mode is "reduced", "complete" or "r", got {mode!r}')
    return A._qr(mode)


@with_out
def svd(
    A: Tensor, full_matrices: bool = True, *, driver: str | None = None
) -> SingularTransposed:
    """Singular values and vectors:  A = U diag(S) Vh, the values descending.

    Args: full_matrices: U and Vh square; what goes beyond min(m, n) vectors gets no gradient.
        driver: accepted for programs written for PyTorch.

    Notes: the vectors of equal or zero singular values have no derivative (nan or inf); that
        of the values alone is always finite.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.svd(cr.tensor([[0., 2.], [1., 0.]])).S
        tensor([2., 1.])
    """
    u, s, v = A._svd(full_matrices)
    return SingularTransposed(u, s, v.mT)


@with_out
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, descending; see `svd`."""
    return A._singular_values()


@with_out
def eigh(A: Tensor, UPLO: str = "L") -> Eigen:
    """Eigenvalues, ascending, and orthonormal eigenvectors of symmetric matrices.

    Args: UPLO: which triangle of A is read, "L" or "U".

    Notes: the vectors of equal eigenvalues have no derivative (nan or inf); that of the
        values alone is always finite.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.eigh(cr.tensor([[2., 0.], [0., 1.]])).eigenvalues
        tensor([1., 2.])
    """
    return Eigen(*A._eigh(_is_upper(UPLO)))


@with_out
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, ascending."""
    return A._eigvalsh(_is_upper(UPLO))


def _is_upper(UPLO: str) -> bool:
    if UPLO not in ("L", "U", "l", "u"):
        raise ArgumentError("CR902", f'eigh: UPLO is "L" or "U", got {UPLO!r}')
    return UPLO in "Uu"


@with_out
def eig(A: Tensor) -> Eigen:
    """Eigenvalues and eigenvectors of length 1, of matrices whose eigenvalues are real.

    Raises: LinAlgError (CR135) where an eigenvalue is complex.

    Notes: tensors here are real, so the results are, where PyTorch has complex ones.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.eig(cr.tensor([[2., 1.], [0., 3.]])).eigenvalues
        tensor([2., 3.])
    """
    return Eigen(*A._eig())


@with_out
def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of matrices that have real ones; see `eig`."""
    return A._eig()[0]


@with_out
def lu(A: Tensor, *, pivot: bool = True) -> LU:
    """A permutation P, a lower triangle L with 1 on its diagonal and an upper U:  A = P L U.

    Example:
        >>> import chainrule as cr
        >>> P, L, U = cr.linalg.lu(cr.tensor([[1., 2.], [2., 2.]]))
        >>> L, U
        (tensor([[1.0000, 0.0000],
                [0.5000, 1.0000]]), tensor([[2., 2.],
                [0., 1.]]))
    """
    pivots = A._matrices("lu", square=False)._pivots(pivot)
    return lu_unpack(A._lu(pivots), pivots)


@with_out
def lu_factor(A: Tensor, *, pivot: bool = True) -> LUFactor:
    """L and U in one matrix, and the exchanges of rows, counted from 1; for `lu_solve`.

    Raises: LinAlgError (CR131) if there is a column without a pivot.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.lu_factor(cr.tensor([[1., 2.], [2., 2.]])).pivots
        tensor([2, 2], dtype=chainrule.int32)
    """
    pivots = A._matrices("lu_factor", square=False)._pivots(pivot)
    return LUFactor(A._lu(pivots, checked=True), pivots)


@with_out
def lu_factor_ex(
    A: Tensor, *, pivot: bool = True, check_errors: bool = False
) -> LUFactorAndInfo:
    """As `lu_factor`; info tells the first column without a pivot, else 0."""
    factors, pivots, info = A.lu(pivot, get_infos=True)
    if check_errors:
        factors = A._lu(pivots, checked=True)
    return LUFactorAndInfo(factors, pivots, info)


def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> LU:
    """P, L and U of what `lu_factor` returned; what is not asked for is empty."""
    rows, columns = LU_data.shape[-2:]
    k = min(rows, columns)
    none = LU_data.new_zeros(0)
    p, lower, upper = none, none, none
    if unpack_pivots:
        ones = none.new_zeros(*LU_pivots.shape[:-1], rows, rows)._filled_diagonals(1)
        p = ones._rows_exchanged(LU_pivots).mT
    if unpack_data:
        lower = LU_data[..., :k].tril(-1)._filled_diagonals(1)
        upper = LU_data[..., :k, :].triu()
    return LU(p, lower, upper)


@with_out
def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of reflections  1 - τᵢ vᵢ vᵢᵀ.

    Args: A: vᵢ stands in column i below the diagonal, its element on it is 1; tau: the τᵢ.
    """
    return A.orgqr(tau)
