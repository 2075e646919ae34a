"""The Weibull distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.exponential import Exponential
from chainrule.distributions.parameters import EULER, broadcast_all
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import AffineTransform, PowerTransform
from chainrule.tensor.tensor import Tensor


class Weibull(TransformedDistribution):
    """P(t > x) = exp(-(x/λ)ᵏ)  with λ = scale and k = concentration.

    Example:
        >>> import chainrule as cr
        >>> Weibull(2.0, 1.0).mean
        tensor(2.)
    """

    arg_constraints = {
        "scale": constraints.positive, "concentration": constraints.positive,
    }  # fmt: skip
    support = constraints.positive

    def __init__(
        self, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(self.scale.ones_like(), validate_args=validate_args)
        power = PowerTransform(self.concentration.reciprocal())
        stretch = AffineTransform(0, self.scale)
        super().__init__(base, [power, stretch], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        power = PowerTransform(new.concentration.reciprocal())
        new.transforms = [power, AffineTransform(0, new.scale)]
        return new

    def _moment(self, order: int) -> Tensor:
        """E[(x/λ)^order] = Γ(1 + order / k)"""
        return (1 + order / self.concentration).lgamma().exp()

    @property
    def mean(self) -> Tensor:
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return self.scale * ((k - 1) / k).pow(1 / k)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (self._moment(2) - self._moment(1).square())

    def entropy(self) -> Tensor:
        k = self.concentration
        return EULER * (1 - 1 / k) + (self.scale / k).log() + 1
