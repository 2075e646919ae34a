"""The largest singular values of large matrices, from random products with them."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.tensor.creation import randn
from chainrule.tensor.tensor import Tensor

Factors = tuple[Tensor, Tensor, Tensor]


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> Factors:
    """The q largest singular values, about, with their vectors:  A - M ≈ U diag(S) Vᵀ.

    Args:
        q: how many; a little more than are needed gives the needed ones more exactly
        niter: how often A Aᵀ sharpens the random guess
        M: what is taken off A, the mean of its rows, say

    Source: Halko, Martinsson & Tropp 2009, "Finding structure with randomness", alg. 4.4, 5.1

    Example:
        >>> import chainrule as cr
        >>> U, S, V = cr.svd_lowrank(cr.diag(cr.tensor([3., 2., 0., 0.])), q=2)
        >>> cr.allclose(S, cr.tensor([3., 2.]), atol=1e-5)
        True
    """
    x = A if M is None else A - M
    basis = _range(x, 6 if q is None else q, 2 if niter is None else niter)
    u, s, v = (basis.mT @ x)._svd()
    return basis @ u, s, v


def _range(x: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that span most of what x maps to."""
    guess = randn(*x.shape[:-2], x.shape[-1], q, dtype=x.dtype)
    basis = (x @ guess).qr().Q
    for _ in range(niter):
        basis = (x @ (x.mT @ basis).qr().Q).qr().Q
    return basis


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> Factors:
    """The q principal directions, about, of the rows of A: the columns of the last result.

    Args: center: whether the mean of the rows is taken off first.

    Example:
        >>> import chainrule as cr
        >>> x = cr.tensor([[1., 1.], [2., 2.], [3., 3.]])
        >>> U, S, V = cr.pca_lowrank(x, q=1)
        >>> cr.allclose(V.abs(), cr.full((2, 1), 0.5**0.5))
        True
    """
    largest = min(A.shape[-2:])
    q = min(6, largest) if q is None else q
    if not 0 <= q <= largest:
        raise ArgumentError("CR902", f"pca_lowrank: q is from 0 to {largest} here, got {q}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
