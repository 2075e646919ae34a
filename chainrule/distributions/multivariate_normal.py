"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import lazy_property, one_of
from chainrule.errors import ArgumentError
from chainrule.functional.linalg.factorization import cholesky
from chainrule.functional.linalg.solving import solve_triangular
from chainrule.shapes import broadcast
from chainrule.tensor.creation import eye, randn
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class FromMatrix(Distribution):
    """The family: a positive definite matrix, given as it is, inverted or factored."""

    _unbroadcasted_scale_tril: Tensor

    def _set_matrix(self, batch_shape: Any, **matrices: Tensor | None) -> Tensor:
        """Keep the matrix that is given, and its Cholesky factor; returns the factor."""
        name, matrix = one_of(self, **matrices)
        if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
            raise ArgumentError(
                "CR953",
                f"{type(self).__name__}: {name} is a square matrix, or a batch of them; got "
                f"shape {tuple(matrix.shape)}",
            )
        shape = broadcast(tuple(batch_shape), tuple(matrix.shape[:-2]))
        vars(self)[name] = matrix.expand(*shape, -1, -1)
        self._given = name, matrix
        self._batch_shape, self._size = Size(shape), matrix.shape[-1]
        return matrix

    def _factor(self) -> None:
        """The Cholesky factor of the covariance, once the matrix has been checked."""
        name, matrix = self._given
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = factor_of_inverse(matrix)
        del self._given

    def _expanded(self, value: Any, batch_shape: tuple[int, ...]) -> Any:
        return (
            value
            if value is self._unbroadcasted_scale_tril
            else super()._expanded(value, batch_shape)
        )

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(*self._batch_shape, self._size, self._size)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, with  Σ = L Lᵀ"""
        return self._of_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """Σ"""
        factor = self._unbroadcasted_scale_tril
        return self._of_batch(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """Σ⁻¹"""
        factor = self._unbroadcasted_scale_tril
        one = eye(self._size, dtype=factor.dtype)
        return self._of_batch(one.cholesky_solve(factor))


def factor_of_inverse(precision: Tensor) -> Tensor:
    """L with  L Lᵀ = P⁻¹, from the factor of P with its rows and columns turned round."""
    turned = cholesky(precision.flip(-2, -1))
    factor = turned.flip(-2, -1).mT
    one = eye(precision.shape[-1], dtype=precision.dtype)
    return solve_triangular(factor, one.expand(factor.shape), upper=False)


def half_log_det(factor: Tensor) -> Tensor:
    """½ ln det(L Lᵀ)"""
    return factor.diagonal(0, -2, -1).log().sum(-1)


def mahalanobis(factor: Tensor, x: Tensor) -> Tensor:
    """xᵀ (L Lᵀ)⁻¹ x.        Shapes: factor (…, d, d), x (…, d) → (…), batches broadcast"""
    if factor.ndim == 2:  # all vectors at once
        rows = x.reshape(-1, x.shape[-1]).mT  # (d, n)
        whitened = solve_triangular(factor, rows, upper=False)
        return whitened.square().sum(0).reshape(x.shape[:-1])
    batch = broadcast(tuple(factor.shape[:-2]), tuple(x.shape[:-1]))
    columns = x.expand(*batch, -1).unsqueeze(-1)
    whitened = solve_triangular(factor.expand(*batch, -1, -1), columns, upper=False)
    return whitened.squeeze(-1).square().sum(-1)


class MultivariateNormal(FromMatrix):
    """p(x) = exp(-½ (x - μ)ᵀ Σ⁻¹ (x - μ)) / √det 2πΣ  with μ = loc.

    Shapes:  loc (…, d), one matrix (…, d, d) → batch_shape (…), event_shape (d)
    Args:    covariance_matrix: Σ. precision_matrix: Σ⁻¹. scale_tril: L, lower triangular,
             with  Σ = L Lᵀ; the cheapest, as the others are factored.

    Example:
        >>> import chainrule as cr
        >>> MultivariateNormal(cr.zeros(2), cr.eye(2)).log_prob(cr.zeros(2))
        tensor(-1.8379)
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ArgumentError(
                "CR953", "MultivariateNormal: loc is a vector, or more; got one number"
            )
        self._set_matrix(
            loc.shape[:-1],
            covariance_matrix=covariance_matrix,
            precision_matrix=precision_matrix,
            scale_tril=scale_tril,
        )
        self.loc = loc.expand(*self._batch_shape, -1)
        super().__init__(self._batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._factor()

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        spread = self._unbroadcasted_scale_tril.square().sum(-1)
        return spread.expand(*self._batch_shape, -1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        distance = mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        volume = half_log_det(self._unbroadcasted_scale_tril)
        return -0.5 * (self._size * math.log(2 * math.pi) + distance) - volume

    def entropy(self) -> Tensor:
        volume = half_log_det(self._unbroadcasted_scale_tril)
        height = self._size / 2 * (1 + math.log(2 * math.pi)) + volume
        return height.expand(self._batch_shape)
