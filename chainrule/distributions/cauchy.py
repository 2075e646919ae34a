"""The Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions.location_scale import LocationScale
from chainrule.tensor.tensor import Tensor


class Cauchy(LocationScale):
    """p(x) = 1 / (πs (1 + (x - x₀)²/s²))  with x₀ = loc and s = scale; it has no mean.

    Example:
        >>> import chainrule as cr
        >>> Cauchy(0.0, 1.0).icdf(cr.tensor(0.75))
        tensor(1.)
    """

    @property
    def mean(self) -> Tensor:
        return self.loc.full_like(float("nan"))

    @property
    def variance(self) -> Tensor:
        return self.loc.full_like(float("inf"))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(self._uniform(sample_shape, self.loc))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z = self._standardized(value)
        return -math.log(math.pi) - self.scale.log() - z.square().log1p()

    def cdf(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return self._standardized(value).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * (math.pi * (value - 0.5)).tan()

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()
