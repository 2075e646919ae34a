"""The Gumbel distribution."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions.location_scale import LocationScale
from chainrule.distributions.parameters import EULER
from chainrule.dtypes import finfo
from chainrule.tensor.tensor import Tensor


class Gumbel(LocationScale):
    """P(t ≤ x) = exp(-e⁻ᶻ)  with  z = (x - loc) / scale: of the largest of many numbers.

    Example:
        >>> import chainrule as cr
        >>> Gumbel(0.0, 1.0).mean
        tensor(0.5772)
    """

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * EULER

    @property
    def stddev(self) -> Tensor:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        return self.stddev.square()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = self._uniform(sample_shape, self.loc)
        return self.icdf(u.clamp_min(finfo(u.dtype).tiny))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z = -self._standardized(value)
        return z - z.exp() - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return (-(-self._standardized(value)).exp()).exp()

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + EULER)
