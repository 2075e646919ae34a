"""Products and powers of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ArgumentError
from chainrule.tensor.functions.out import with_out
from chainrule.tensor.tensor import Tensor


@with_out
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """input @ other"""
    return input @ other


@with_out
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices, in the order that costs least.

    The first and the last may be vectors.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.multi_dot([cr.ones(2, 3), cr.ones(3, 4), cr.ones(4)])
        tensor([12., 12.])
    """
    if len(tensors) < 2:
        raise ArgumentError("CR902", f"multi_dot needs at least 2 tensors, got {len(tensors)}")
    chain = list(tensors)
    row, column = chain[0].ndim == 1, chain[-1].ndim == 1
    if row:
        chain[0] = chain[0].unsqueeze(0)
    if column:
        chain[-1] = chain[-1].unsqueeze(-1)
    y = chain[0]._chained(chain[1:])
    y = y.squeeze(-1) if column else y
    return y.squeeze(0) if row else y


@with_out
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices, in the order that costs least."""
    if not matrices:
        raise ArgumentError("CR902", "chain_matmul needs at least one matrix")
    return matrices[0]._chained(list(matrices[1:]))


@with_out
def matrix_power(A: Tensor, n: int) -> Tensor:
    """A multiplied n times; its inverse, if n is negative.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.matrix_power(cr.tensor([[1., 1.], [0., 1.]]), 3)
        tensor([[1., 3.],
                [0., 1.]])
    """
    return A.matrix_power(n)


def matrix_exp(A: Tensor) -> Tensor:
    """Σ Aᵏ / k!, the exponential of square matrices.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.matrix_exp(cr.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    return A.matrix_exp()


@with_out
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The product at right angles to both, along an axis of size 3.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.cross(cr.tensor([1., 0., 0.]), cr.tensor([0., 1., 0.]))
        tensor([0., 0., 1.])
    """
    return input.cross(other, dim)


@with_out
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Σ x y along an axis.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.vecdot(cr.ones(2, 3), cr.ones(2, 3))
        tensor([3., 3.])
    """
    return (x._must_float("vecdot()") * y).sum(dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as the last axis of the result."""
    return A.diagonal(offset, dim1, dim2)


@with_out
def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The powers 0 to N - 1 of every element, on a new last axis; N is by default its size.

    Example:
        >>> import chainrule as cr
        >>> cr.linalg.vander(cr.tensor([2., 3.]), N=3)
        tensor([[1., 2., 4.],
                [1., 3., 9.]])
    """
    count = x.shape[-1] if N is None else N
    if count <= 1 and N is not None:
        raise ArgumentError("CR902", f"vander: N must be larger than 1, got {N}")
    repeated = x.unsqueeze(-1).expand(*x.shape, count - 1).cumprod(-1)
    return repeated.pad_constant([(0, 0)] * x.ndim + [(1, 0)], 1)
