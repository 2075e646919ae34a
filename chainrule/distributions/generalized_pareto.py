"""The generalized Pareto distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import broadcast_all
from chainrule.tensor.tensor import Tensor


class GeneralizedPareto(Distribution):
    """P(x > loc + σz) = (1 + ξz)^(-1/ξ)  with σ = scale and ξ = concentration.

    ξ = 0 is the exponential distribution, ξ = -1 the uniform one.

    Example:
        >>> import chainrule as cr
        >>> GeneralizedPareto(0.0, 1.0, -1.0).cdf(cr.tensor(0.25))
        tensor(0.2500)
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        bounded = self.concentration < 0
        return constraints.interval(self.loc, end.masked_fill(~bounded, float("inf")))

    def _split(self) -> tuple[Tensor, Tensor]:
        """Where ξ is 0, and ξ with 1 in these places."""
        none = self.concentration.detach().abs() <= 1e-8
        return none, self.concentration.masked_fill(none, 1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z, (none, shape) = (value - self.loc) / self.scale, self._split()
        power = 1 / shape + 1
        fall = power * (shape * z).log1p()
        return -self.scale.log() - z.where(none, fall.masked_fill(power == 0, 0))

    def log_survival_function(self, value: Tensor) -> Tensor:
        """ln P(x > value)"""
        self._check_value(value)
        z, (none, shape) = (value - self.loc) / self.scale, self._split()
        return -z.where(none, (shape * z).log1p() / shape)

    def log_cdf(self, value: Tensor) -> Tensor:
        """ln P(x ≤ value)"""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return -self.log_survival_function(value).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        log_rest, (none, shape) = (-value).log1p(), self._split()
        z = (-log_rest).where(none, (-shape * log_rest).expm1() / shape)
        return self.loc + self.scale * z

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(self._uniform(sample_shape, self.loc))

    @property
    def mean(self) -> Tensor:
        center = self.loc + self.scale / (1 - self.concentration)
        return center.masked_fill(self.concentration >= 1, float("nan"))

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        left = 1 - self.concentration
        spread = self.scale.square() / (left.square() * (2 * left - 1))
        return spread.masked_fill(self.concentration >= 0.5, float("nan"))

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1
