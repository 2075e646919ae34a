"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions.exp_family import ExponentialFamily
from chainrule.distributions.location_scale import LocationScale
from chainrule.tensor.creation import randn
from chainrule.tensor.tensor import Tensor


class Normal(LocationScale, ExponentialFamily):
    """p(x) = exp(-(x - μ)² / 2σ²) / (σ √2π)  with μ = loc and σ = scale.

    Example:
        >>> import chainrule as cr
        >>> m = Normal(0.0, 1.0)
        >>> m, m.log_prob(cr.tensor(0.0))
        (Normal(loc: 0.0, scale: 1.0), tensor(-0.9189))
    """

    _mean_carrier_measure = 0

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + noise * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z = self._standardized(value)
        return -z.square() / 2 - self.scale.log() - math.log(2 * math.pi) / 2

    def cdf(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return ((value - self.loc) / (self.scale * math.sqrt(2))).erf() / 2 + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * math.sqrt(2) * (2 * value - 1).erfinv()

    def entropy(self) -> Tensor:
        return 0.5 + math.log(2 * math.pi) / 2 + self.scale.log()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        precision = self.scale.square().reciprocal()
        return self.loc * precision, -precision / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        return -x.square() / (4 * y) + (-math.pi / y).log() / 2
