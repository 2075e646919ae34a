"""Transforms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.transforms.elementwise import clipped_sigmoid
from chainrule.distributions.transforms.transform import Fixed
from chainrule.distributions.triangles import tril_matrix_to_vec, vec_to_tril_matrix
from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError
from chainrule.functional.activation import log1p_exp, logsigmoid
from chainrule.functional.linalg.factorization import cholesky
from chainrule.tensor.creation import arange, eye
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


def _one_before(x: Tensor) -> Tensor:
    """A 1 before the elements of the last axis."""
    return cat([x.new_ones((*x.shape[:-1], 1)), x], -1)


def _need_axes(shape: Any, count: int) -> None:
    if len(shape) < count:
        raise ArgumentError(
            "CR957", f"the transform takes at least {count} axes, got shape {tuple(shape)}"
        )


class SoftmaxTransform(Fixed):
    """y = eˣ / Σ eˣ on the last axis; not bijective, as a constant may be added to x."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        _need_axes(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(Fixed):
    """Vectors of K - 1 numbers to probabilities of K categories.

    Each number says, through a sigmoid, which part of what is left it takes; x = 0 gives
    equal probabilities.

    Example:
        >>> import chainrule as cr
        >>> StickBreakingTransform()(cr.zeros(2))
        tensor([0.3333, 0.3333, 0.3333])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _shift(self, x: Tensor, count: int) -> Tensor:
        """ln of how many categories are left after each."""
        return arange(count, 0, -1, dtype=x.dtype).log()

    def _call(self, x: Tensor) -> Tensor:
        z = clipped_sigmoid(x - self._shift(x, x.shape[-1]))
        left = _one_before((1 - z).cumprod(-1))  # (…, K)
        return cat([z, z.new_ones((*z.shape[:-1], 1))], -1) * left

    def _inverse(self, y: Tensor) -> Tensor:
        taken = y[..., :-1]
        left = (1 - taken.cumsum(-1)).clamp_min(finfo(y.dtype).tiny)
        return taken.log() - left.log() + self._shift(y, taken.shape[-1])

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        logit = x - self._shift(x, x.shape[-1])
        return (logsigmoid(logit) - logit + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        _need_axes(shape, 1)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        _need_axes(shape, 1)
        return Size((*shape[:-1], shape[-1] - 1))


class LowerCholeskyTransform(Fixed):
    """Any matrix to a lower-triangular one with a positive diagonal, that of exp(x)."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(0, -2, -1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(0, -2, -1).log().diag_embed()


class PositiveDefiniteTransform(Fixed):
    """Any matrix to the positive definite  L Lᵀ  with the L of LowerCholeskyTransform."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(cholesky(y))


class CorrCholeskyTransform(Fixed):
    """Vectors of D (D - 1) / 2 numbers to Cholesky factors of D by D correlation matrices.

    The tanh of a number is the part of the row's length that is left which its element
    takes; the diagonal takes the rest.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = finfo(x.dtype).eps
        part = vec_to_tril_matrix(x.tanh().clamp(eps - 1, 1 - eps), diag=-1)
        left = (1 - part.square()).sqrt().cumprod(-1)
        whole = part + eye(part.shape[-1], dtype=x.dtype)
        return whole * _one_before(left[..., :-1])

    def _inverse(self, y: Tensor) -> Tensor:
        left = _one_before((1 - y.square().cumsum(-1))[..., :-1])
        parts = tril_matrix_to_vec(y, -1) / tril_matrix_to_vec(left, -1).sqrt()
        return (parts.log1p() - (-parts).log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = tril_matrix_to_vec(1 - y.square().cumsum(-1), -2)
        tanh = -2 * (x + log1p_exp(-2 * x) - math.log(2)).sum(-1)
        return left.log().sum(-1) / 2 + tanh

    def forward_shape(self, shape: Any) -> Any:
        _need_axes(shape, 1)
        size = (math.isqrt(8 * shape[-1] + 1) + 1) // 2
        if size * (size - 1) // 2 != shape[-1]:
            raise ArgumentError(
                "CR957", f"{shape[-1]} numbers do not fill the triangle below a diagonal"
            )
        return Size((*shape[:-1], size, size))

    def inverse_shape(self, shape: Any) -> Any:
        _need_axes(shape, 2)
        size = shape[-1]
        return Size((*shape[:-2], size * (size - 1) // 2))
