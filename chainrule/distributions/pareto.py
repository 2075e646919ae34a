"""The Pareto distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.exponential import Exponential
from chainrule.distributions.parameters import broadcast_all
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import AffineTransform, ExpTransform
from chainrule.tensor.tensor import Tensor


class Pareto(TransformedDistribution):
    """P(t > x) = (m / x)ᵃ for x ≥ m, with m = scale and a = alpha.

    Example:
        >>> import chainrule as cr
        >>> Pareto(1.0, 3.0).mean
        tensor(1.5000)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        stretch = AffineTransform(0, self.scale)
        super().__init__(base, [ExpTransform(), stretch], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.transforms = [ExpTransform(), AffineTransform(0, new.scale)]
        return new

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        """inf for a ≤ 1."""
        a = self.alpha.masked_fill(self.alpha <= 1, 2)
        return (a * self.scale / (a - 1)).masked_fill(self.alpha <= 1, float("inf"))

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        """inf for a ≤ 2."""
        a = self.alpha.masked_fill(self.alpha <= 2, 3)
        spread = self.scale.square() * a / ((a - 1).square() * (a - 2))
        return spread.masked_fill(self.alpha <= 2, float("inf"))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + 1 + self.alpha.reciprocal()
