"""The normal distribution of long vectors with few causes of covariance."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.multivariate_normal import half_log_det, mahalanobis
from chainrule.distributions.parameters import lazy_property
from chainrule.errors import ArgumentError
from chainrule.functional.linalg.factorization import cholesky
from chainrule.functional.linalg.solving import solve_triangular
from chainrule.shapes import broadcast
from chainrule.tensor.creation import eye, randn
from chainrule.tensor.tensor import Tensor


class LowRankMultivariateNormal(Distribution):
    """A normal distribution with the covariance  Σ = W Wᵀ + D.

    Shapes:  loc (…, d); cov_factor W (…, d, r); cov_diag (…, d), the diagonal of D
    Notes:   inverted through the r by r matrix  C = I + Wᵀ D⁻¹ W  (Woodbury's formula), so
             that the cost grows with d r² instead of d³.

    Example:
        >>> import chainrule as cr
        >>> m = LowRankMultivariateNormal(cr.zeros(2), cr.ones(2, 1), cr.ones(2))
        >>> m.covariance_matrix
        tensor([[2., 1.],
                [1., 2.]])
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        size = loc.shape[-1:]
        if (
            cov_factor.ndim < 2
            or cov_factor.shape[-2:-1] != size
            or cov_diag.shape[-1:] != size
        ):
            raise ArgumentError(
                "CR953",
                "LowRankMultivariateNormal: loc (…, d) goes with cov_factor (…, d, r) and "
                f"cov_diag (…, d); got {tuple(loc.shape)}, {tuple(cov_factor.shape)} and "
                f"{tuple(cov_diag.shape)}",
            )
        batch = broadcast(
            tuple(loc.shape[:-1]), tuple(cov_factor.shape[:-2]), tuple(cov_diag.shape[:-1])
        )
        self.loc = loc.expand(*batch, -1)
        self.cov_factor = cov_factor.expand(*batch, -1, -1)
        self.cov_diag = cov_diag.expand(*batch, -1)
        super().__init__(batch, size, validate_args=validate_args)

    @lazy_property
    def _capacitance_tril(self) -> Tensor:
        """The Cholesky factor of C."""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        capacitance = scaled @ self.cov_factor
        return cholesky(capacitance + eye(capacitance.shape[-1], dtype=capacitance.dtype))

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self.cov_factor.square().sum(-1) + self.cov_diag

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """Σ"""
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L, with  Σ = L Lᵀ"""
        return cholesky(self.covariance_matrix)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """Σ⁻¹ = D⁻¹ - D⁻¹ W C⁻¹ Wᵀ D⁻¹"""
        root = self._whitened_factor()
        return self.cov_diag.reciprocal().diag_embed() - root.mT @ root

    def _whitened_factor(self) -> Tensor:
        """A with  Aᵀ A = D⁻¹ W C⁻¹ Wᵀ D⁻¹        (…, r, d)"""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        return solve_triangular(self._capacitance_tril, scaled, upper=False)

    def _distance(self, x: Tensor) -> Tensor:
        """xᵀ Σ⁻¹ x"""
        projected = (self.cov_factor.mT @ (x / self.cov_diag).unsqueeze(-1)).squeeze(-1)
        return (x.square() / self.cov_diag).sum(-1) - mahalanobis(
            self._capacitance_tril, projected
        )

    def _log_det(self) -> Tensor:
        """ln det Σ"""
        return 2 * half_log_det(self._capacitance_tril) + self.cov_diag.log().sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        causes = randn((*shape[:-1], self.cov_factor.shape[-1]), dtype=self.loc.dtype)
        noise = randn(shape, dtype=self.loc.dtype)
        common = (self.cov_factor @ causes.unsqueeze(-1)).squeeze(-1)
        return self.loc + common + self.cov_diag.sqrt() * noise

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        size = self._event_shape[0]
        distance = self._distance(value - self.loc)
        return -0.5 * (size * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Tensor:
        size = self._event_shape[0]
        return 0.5 * (size * (1 + math.log(2 * math.pi)) + self._log_det())
