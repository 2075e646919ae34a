"""Distributions of an absolute value."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.location_scale import LocationScale
from chainrule.distributions.parameters import broadcast_all
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import AbsTransform
from chainrule.tensor.tensor import Tensor


class AbsoluteValue(TransformedDistribution):
    """The family:  |x|  for x from a distribution that is symmetric around 0."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: LocationScale
    #: the distribution of x
    symmetric: type[LocationScale]

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (spread,) = broadcast_all(scale)
        base = self.symmetric(spread.zeros_like(), spread, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Tensor:
        """The scale of the number whose absolute value it is."""
        return self.base_dist.scale

    @property
    def mode(self) -> Tensor:
        return self.scale.zeros_like()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        likely = self.base_dist.log_prob(value) + math.log(2)
        return likely.masked_fill(value < 0, -float("inf"))

    def cdf(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)
