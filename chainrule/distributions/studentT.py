"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.chi2 import Chi2
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import broadcast_all
from chainrule.tensor.creation import randn
from chainrule.tensor.tensor import Tensor


class StudentT(Distribution):
    """x = μ + σ z √(ν / w)  for a normal number z and w from χ²(ν), with ν = df.

    Notes: samples are differentiable in all parameters, in ν implicitly.

    Example:
        >>> import chainrule as cr
        >>> StudentT(cr.tensor([2.0, 4.0])).variance
        tensor([inf, 2.])
    """

    arg_constraints = {
        "df": constraints.positive, "loc": constraints.real, "scale": constraints.positive,
    }  # fmt: skip
    support = constraints.real
    has_rsample = True

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args=False)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc.masked_fill(self.df <= 1, float("nan"))

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """σ² ν / (ν - 2) for ν > 2, inf down to 1, nan below."""
        spread = self.scale.square() * self.df / (self.df - 2)
        wide = spread.masked_fill(self.df <= 2, float("inf"))
        return wide.masked_fill(self.df <= 1, float("nan"))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        z = randn(self._extended_shape(sample_shape), dtype=self.df.dtype)
        w = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * z * (self.df / w).sqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z = (value - self.loc) / self.scale
        return -(self.df + 1) / 2 * (z.square() / self.df).log1p() - self._log_weight()

    def _log_weight(self) -> Tensor:
        """-ln p(μ)"""
        half = self.df / 2
        gammas = half.lgamma() - (half + 0.5).lgamma()
        return self.scale.log() + (self.df.log() + math.log(math.pi)) / 2 + gammas

    def entropy(self) -> Tensor:
        half = self.df / 2
        spread = (half + 0.5) * ((half + 0.5).digamma() - half.digamma())
        return spread + self._log_weight()
