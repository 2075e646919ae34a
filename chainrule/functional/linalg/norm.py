"""Sizes of vectors and matrices: norms, condition, rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from chainrule import dtypes
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.functional.linalg.factorization import svdvals
from chainrule.shapes import axes
from chainrule.tensor.functions.out import with_out
from chainrule.tensor.tensor import Tensor

Dims = int | Sequence[int] | None


@with_out
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over the axes `dim`, all of them by default.

    Args: ord: the p; inf is the largest |x|, -inf the smallest, 0 how many are not zero.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.vector_norm(cr.tensor([3., 4.]))
        tensor(5.)
    """
    if isinstance(ord, str):
        raise ArgumentError("CR902", f"vector_norm: ord is a number or ±inf, got {ord!r}")
    over = dim if dim is None or isinstance(dim, int) else tuple(dim)
    return _in_type(x, dtype, "vector_norm").norm(float(ord), over, keepdim)


@with_out
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: tuple[int, int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Tensor:
    """A norm of the matrices that stand on two axes.

    Args: ord: "fro", the root of the sum of squares; "nuc", the sum of the singular values;
        2 and -2, the largest and smallest of them; 1 and -1, the largest and smallest sum of
        |a| over a column; inf and -inf, over a row.

    Raises: ArgumentError (CR902) for another `ord`.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.matrix_norm(cr.tensor([[1., 2.], [3., 4.]]), 1)
        tensor(6.)
    """
    row, column = _two_axes(A, dim)
    x = _in_type(A, dtype, "matrix_norm")
    if ord == "fro":
        return x.norm("fro", (row, column), keepdim)
    size = ord if isinstance(ord, str) else abs(ord)
    if size not in ("nuc", 1, 2, math.inf):
        raise ArgumentError(
            "CR902", f'matrix_norm: ord is "fro", "nuc", ±1, ±2 or ±inf, got {ord!r}'
        )
    if size in ("nuc", 2):
        s = svdvals(x.movedim((row, column), (-2, -1)))
        y = s.sum(-1) if ord == "nuc" else _outermost(s, -1, ord)
        return _with_ones(y, (row, column)) if keepdim else y
    summed, kept = (row, column) if size == 1 else (column, row)
    y = _outermost(x.abs().sum(summed, keepdim=True), kept, ord)
    y = y.unsqueeze(kept)
    return y if keepdim else y.squeeze((row, column))


def _in_type(x: Tensor, dtype: Dtype | None, what: str) -> Tensor:
    """x, which has a floating type, in one that is as large or larger."""
    x._must_float(f"{what}()")
    if dtype is None:
        return x
    if not dtype.is_floating_point or dtype.itemsize < x.dtype.itemsize:
        raise DtypeError(
            "CR202", f"{what}: dtype={dtype} cannot hold what is computed from {x.dtype}"
        )
    return x.to(dtype)


def _outermost(x: Tensor, dim: int, ord: Any) -> Tensor:
    """The largest along an axis, or for a negative `ord` the smallest."""
    return x.amax(dim) if ord > 0 else x.amin(dim)


def _two_axes(A: Tensor, dim: Sequence[int]) -> tuple[int, int]:
    if A.ndim < 2 or isinstance(dim, int) or len(dim) != 2:
        raise ShapeError(
            "CR133",
            f"a matrix norm is over two axes; got dim={dim} for shape {tuple(A.shape)}",
        )
    axes(dim, A.ndim)  # raises if they are one, or out of range
    return dim[0] % A.ndim, dim[1] % A.ndim


def _with_ones(y: Tensor, places: tuple[int, int]) -> Tensor:
    for place in sorted(places):
        y = y.unsqueeze(place)
    return y


@with_out
def norm(
    A: Tensor,
    ord: float | str | None = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Tensor:
    """A vector norm over one axis or all, a matrix norm over two.

    Args: ord: as in `vector_norm` or `matrix_norm`; None is the root of the sum of squares.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.norm(cr.tensor([[3., 4.], [0., 0.]]))
        tensor(5.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim > 2:
        raise ShapeError(
            "CR133",
            f"norm of a tensor of shape {tuple(A.shape)} with ord={ord!r} needs a dim: one for "
            "vectors, two for matrices",
        )
    over = tuple(range(A.ndim)) if dim is None else (dim,) if isinstance(dim, int) else (*dim,)
    if len(over) == 2:
        return matrix_norm(A, ord, over, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise ArgumentError("CR902", f"norm: ord={ord!r} is for matrices, over two axes")
    return vector_norm(A, ord, over, keepdim, dtype=dtype)


@with_out
def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """The condition number  ‖A‖ ‖A⁻¹‖:  how much solving with A enlarges errors.

    Args: p: the norm, as in `matrix_norm`; None is 2. A singular matrix has inf.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.cond(cr.tensor([[2., 0.], [0., 1.]]))
        tensor(2.)
    """
    if p in (None, 2, -2):
        s = svdvals(A)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    inverse = A._matrices("cond")._inverted_or_inf()
    missing = inverse.isinf().any(-1).any(-1)
    finite = inverse.masked_fill(missing[..., None, None], 0)
    y = matrix_norm(A, p) * matrix_norm(finite, p)
    return y.masked_fill(missing, math.inf)


@with_out
def matrix_rank(
    A: Tensor,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """How many singular values are larger than max(atol, rtol · the largest).

    Args:
        tol, atol: absolute tolerance, by default 0
        rtol: relative tolerance; by default max(m, n) · eps, or 0 if an absolute one is given
        hermitian: A is symmetric

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.matrix_rank(cr.tensor([[1., 2.], [2., 4.]]))
        tensor(1)
    """
    absolute = atol if tol is None else tol
    s = svdvals(A._mirrored("matrix_rank") if hermitian else A)
    if not s.shape[-1]:
        return s.new_zeros(s.shape[:-1], dtype=dtypes.int64)
    relative = default_rtol(A, absolute) if rtol is None else rtol
    cutoff = s[..., :1] * _column(relative)
    if absolute is not None:
        cutoff = cutoff.clamp(min=_column(absolute))
    return (s > cutoff).sum(-1)


def _column(tolerance: Any) -> Any:
    return tolerance.unsqueeze(-1) if isinstance(tolerance, Tensor) else tolerance


def default_rtol(A: Tensor, atol: Any) -> float:
    """max(m, n) · eps, or 0 if an absolute tolerance is given."""
    if atol is not None and (isinstance(atol, Tensor) or atol > 0):
        return 0.0
    return max(A.shape[-2:]) * dtypes.finfo(A.dtype).eps
