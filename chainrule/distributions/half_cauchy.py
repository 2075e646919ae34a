"""The half-Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.cauchy import Cauchy
from chainrule.distributions.parameters import broadcast_all
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import AbsTransform
from chainrule.tensor.tensor import Tensor


class HalfCauchy(TransformedDistribution):
    """The absolute value of a Cauchy number around 0.

    Example:
        >>> import chainrule as cr
        >>> HalfCauchy(1.0).cdf(cr.tensor(0.0))
        tensor(0.)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Cauchy

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (spread,) = broadcast_all(scale)
        base = Cauchy(spread.zeros_like(), spread, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Tensor:
        """The scale of the number whose absolute value it is."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        return self.base_dist.variance

    @property
    def mode(self) -> Tensor:
        return self.scale.zeros_like()

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        likely = self.base_dist.log_prob(value) + math.log(2)
        return likely.masked_fill(value < 0, -float("inf"))

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)
