"""The half-normal distribution."""

from __future__ import annotations

import math

from chainrule.distributions.absolute_value import AbsoluteValue
from chainrule.distributions.normal import Normal
from chainrule.tensor.tensor import Tensor


class HalfNormal(AbsoluteValue):
    """The absolute value of a normal number around 0.

    p(x) = exp(-x² / 2σ²) √(2/π) / σ  for x ≥ 0, with σ = scale

    Example:
        >>> import chainrule as cr
        >>> HalfNormal(1.0).cdf(cr.tensor(0.0))
        tensor(0.)
    """

    base_dist: Normal
    symmetric = Normal

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 - 2 / math.pi)
