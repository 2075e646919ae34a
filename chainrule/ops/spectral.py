"""Eigenvalues and singular values of matrices, with their vectors.

A primitive has one result, so the factors are stacked as rows: `Eigh` returns λ over Q, `SVD`
returns U over S over V. One rule takes the cotangent of them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule.errors import LinAlgError
from chainrule.ops import matrix_kernels as kernels
from chainrule.ops.factorization import diagonal_mask
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.shapes import Shape
    from chainrule.tensor.tensor import Tensor


class Eigh(Primitive):
    """Eigenvalues and orthonormal eigenvectors of the symmetric part of x:  x Q = Q diag(λ).

    Shapes:  x (…, n, n) → y (…, 1 + n, n): λ, ascending, over the columns Q
    Notes:   eigenvectors of equal eigenvalues have no derivative; the one of the eigenvalues
    is finite.
    Source:  Giles 2008, "Collected matrix derivative results", §3.1
    """

    def forward(x):
        values, vectors = _converged(np.linalg.eigh, kernels.symmetric(x), "eigh")
        return np.concatenate([values[..., None, :], vectors], -2)

    def shape(x):
        return (*x[:-2], x[-2] + 1, x[-1])

    def vjp_x(g, y):
        values, q = y[..., 0, :], y[..., 1:, :]
        turned = q.mT @ g[..., 1:, :]
        gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
        inner = _over_gaps((turned - turned.mT) / 2, gaps) + g[..., 0, :].diag_embed()
        return q @ inner @ q.mT


class Eigvalsh(Primitive):
    """The eigenvalues λ of the symmetric part of x, ascending:  ∂λᵢ/∂x = qᵢ qᵢᵀ."""

    def forward(x):
        return _converged(np.linalg.eigvalsh, kernels.symmetric(x), "eigvalsh")

    def shape(x):
        return x[:-1]

    def vjp_x(g, x):
        q = x._apply(Eigh, x)[..., 1:, :]
        return (q * g.unsqueeze(-2)) @ q.mT


class Eig(Primitive):
    """Eigenvalues and eigenvectors of length 1, all of them real:  x V = V diag(λ).

    Shapes:  x (…, n, n) → y (…, 1 + n, n): λ over the columns V
    Raises:  LinAlgError (CR135) where an eigenvalue is complex, in forward.
    """

    def forward(x):
        values, vectors = _converged(np.linalg.eig, x, "eig")
        if np.iscomplexobj(values) and (values.imag != 0).any():
            first = values[values.imag != 0].flat[0]
            raise LinAlgError(
                "CR135",
                f"eig: the matrix has complex eigenvalues, {first:.4g} among them, and tensors "
                "here are real; a symmetric matrix has real ones, use linalg.eigh",
            )
        return np.concatenate([values.real[..., None, :], vectors.real], -2)

    def shape(x):
        return (*x[:-2], x[-2] + 1, x[-1])

    def vjp_x(g, y):
        values, v = y[..., 0, :], y[..., 1:, :]
        turned = v.mT @ g[..., 1:, :]
        turned = turned - (v.mT @ v) * turned.diagonal(0, -2, -1).unsqueeze(-2)
        gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
        apart = _over_gaps(turned * (1 - diagonal_mask(turned)), gaps)
        inner = apart + g[..., 0, :].diag_embed()
        return v.mT._solved(inner @ v.mT)


class SVD(Primitive):
    """Singular values and vectors  x = U diag(S) Vᵀ, with k = min(m, n) of them.

    Shapes:  x (…, m, n) → y (…, m + 1 + n, k): U over S, descending, over V
    Notes:   singular vectors of equal or zero singular values have no derivative; the one of
    the singular values is finite.
    Source:  Townsend 2016, "Differentiating the singular value decomposition"
    """

    def forward(x):
        u, s, vh = _converged(_reduced_svd, x, "svd")
        return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], -2)

    def shape(x):
        return (*x[:-2], x[-2] + 1 + x[-1], min(x[-2:]))

    def vjp_x(g, y, x_shape):
        u, s, v = _svd_parts(y, x_shape)
        gu, gs, gv = _svd_parts(g, x_shape)
        row, column = s.unsqueeze(-2), s.unsqueeze(-1)
        gaps = (row - column) * (row + column)  # s_j² - s_i²
        left, right = u.mT @ gu, v.mT @ gv
        inner = _over_gaps(left - left.mT, gaps) * row + _over_gaps(right - right.mT, gaps) * (
            column
        )
        gx = u @ (inner + gs.diag_embed()) @ v.mT
        if x_shape[-2] > s.shape[-1]:
            gx = gx + _over_gaps(gu - u @ left, row) @ v.mT  # what leaves the columns of U
        if x_shape[-1] > s.shape[-1]:
            gx = gx + u @ _over_gaps(gv - v @ right, row).mT
        return gx


class SingularValues(Primitive):
    """The singular values σ of x, descending:  ∂σᵢ/∂x = uᵢ vᵢᵀ."""

    def forward(x):
        return _converged(_values_only, x, "svdvals")

    def shape(x):
        return (*x[:-2], min(x[-2:]))

    def vjp_x(g, x):
        u, _, v = x._svd()
        return (u * g.unsqueeze(-2)) @ v.mT


def _values_only(x: np.ndarray) -> Any:
    return np.linalg.svd(x, compute_uv=False)


def _reduced_svd(x: np.ndarray) -> Any:
    return np.linalg.svd(x, full_matrices=False)


def _svd_parts(y: Tensor, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    m = shape[-2]
    return y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]


def _converged(function: Any, x: np.ndarray, what: str) -> Any:
    try:
        return function(x)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "CR134",
            f"{what}: the computation did not converge; look for nan or inf in the matrix "
            f"({np.count_nonzero(~np.isfinite(x))} of {x.size} elements are)",
        ) from None


def _over_gaps(x: Tensor, gaps: Tensor) -> Tensor:
    """x / gaps, and 0 where both are 0: there, nothing was asked of what has no derivative."""
    return x / gaps.masked_fill((gaps == 0) & (x == 0), 1)


class Singular(NamedTuple):
    """x = U diag(S) Vᵀ."""

    U: Tensor
    S: Tensor
    V: Tensor


class SpectralMethods(Methods):
    """What a user calls; the rest of them is in chainrule.linalg."""

    def svd(self, some: bool = True, compute_uv: bool = True) -> Singular:
        """self = U diag(S) Vᵀ; square U and V unless `some`; zeros unless `compute_uv`."""
        u, s, v = self._svd(full_matrices=not some)
        if compute_uv:
            return Singular(u, s, v)
        m, n = self.shape[-2:]
        batch = self.shape[:-2]
        return Singular(self.new_zeros(*batch, m, m), s, self.new_zeros(*batch, n, n))

    def _svd(self, full_matrices: bool = False) -> Singular:
        x = self._matrices("svd", square=False)
        u, s, v = _svd_parts(self._apply(SVD, x), x.shape)
        if full_matrices:
            u = u._completed() if u.shape[-1] < u.shape[-2] else u
            v = v._completed() if v.shape[-1] < v.shape[-2] else v
        return Singular(u, s, v)

    def _singular_values(self) -> Tensor:
        return self._apply(SingularValues, self._matrices("svdvals", square=False))

    def _eigh(self, upper: bool = False) -> tuple[Tensor, Tensor]:
        y = self._apply(Eigh, self._mirrored("eigh", upper))
        return y[..., 0, :], y[..., 1:, :]

    def _eigvalsh(self, upper: bool = False) -> Tensor:
        return self._apply(Eigvalsh, self._mirrored("eigvalsh", upper))

    def _eig(self) -> tuple[Tensor, Tensor]:
        y = self._apply(Eig, self._matrices("eig"))
        return y[..., 0, :], y[..., 1:, :]
