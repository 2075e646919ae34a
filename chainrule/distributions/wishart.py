"""The Wishart distribution of positive definite matrices."""

from __future__ import annotations

import math
import warnings
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.chi2 import Chi2
from chainrule.distributions.exp_family import ExponentialFamily
from chainrule.distributions.multivariate_normal import FromMatrix, half_log_det
from chainrule.distributions.parameters import broadcast_all
from chainrule.dtypes import finfo
from chainrule.tensor.creation import arange, randn
from chainrule.tensor.tensor import Tensor


class Wishart(FromMatrix, ExponentialFamily):
    """Σ xₖ xₖᵀ of ν = df vectors xₖ that are normal with mean 0 and covariance V.

    Shapes:  df (…), one matrix (…, d, d) → batch_shape (…), event_shape (d, d)
    Args:    df: ν, more than d - 1. covariance_matrix: V. precision_matrix: V⁻¹.
             scale_tril: L, lower triangular, with  V = L Lᵀ.
    Notes:   drawn by Bartlett's decomposition; for ν < d samples can be singular.

    Example:
        >>> import chainrule as cr
        >>> Wishart(cr.tensor(3.0), cr.eye(2)).mean
        tensor([[3., 0.],
                [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        shape = df.shape if isinstance(df, Tensor) else ()
        matrix = self._set_matrix(
            shape,
            covariance_matrix=covariance_matrix,
            precision_matrix=precision_matrix,
            scale_tril=scale_tril,
        )
        self.df = broadcast_all(df, matrix.new_zeros(()))[0].expand(self._batch_shape)
        super().__init__(self._batch_shape, matrix.shape[-2:], validate_args=validate_args)
        self._factor()
        if self._checks() and (self.df < self._size).any():
            warnings.warn(
                f"Wishart: df below {self._size}, the size of the matrix, makes samples that "
                "are close to singular",
                stacklevel=2,
            )
        row = arange(self._size, dtype=self.df.dtype)
        self._chi2 = Chi2(self.df.unsqueeze(-1) - row, validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._size - 1),
        }

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._size - 1
        kept = factor.masked_fill(factor <= 0, float("nan"))
        return kept[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(0, -2, -1)
        cross = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df[..., None, None] * (v.square() + cross)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        lengths = self._chi2.rsample(sample_shape).sqrt()
        diagonal = lengths.clamp_min(finfo(lengths.dtype).eps).diag_embed()
        below = randn(self._extended_shape(sample_shape), dtype=lengths.dtype).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (diagonal + below)
        return factor @ factor.mT

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        nu, d = self.df, self._size
        distance = value.cholesky_solve(self._unbroadcasted_scale_tril).diagonal(0, -2, -1)
        power = (nu - d - 1) / 2 * value.slogdet().logabsdet
        return power - distance.sum(-1) / 2 - nu * self._volume() - (nu / 2).mvlgamma(d)

    def _volume(self) -> Tensor:
        """½ ln det 2V"""
        return self._size * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)

    def entropy(self) -> Tensor:
        nu, d = self.df, self._size
        halves = arange(d, dtype=nu.dtype) / 2
        mean_log = ((nu / 2).unsqueeze(-1) - halves).digamma().sum(-1)
        gammas = (nu / 2).mvlgamma(d) - (nu - d - 1) / 2 * mean_log
        return (d + 1) * self._volume() + gammas + nu * d / 2

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._size - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        shape = y + (self._size + 1) / 2
        volume = -(-2 * x).slogdet().logabsdet + self._size * math.log(2)
        return shape * volume + shape.mvlgamma(self._size)
