"""The Kumaraswamy distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.parameters import EULER, broadcast_all
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import AffineTransform, PowerTransform, Transform
from chainrule.distributions.uniform import Uniform
from chainrule.tensor.tensor import Tensor


class Kumaraswamy(TransformedDistribution):
    """P(t ≤ x) = 1 - (1 - xᵃ)ᵇ from 0 to 1, with a = concentration1 and b = concentration0.

    Example:
        >>> import chainrule as cr
        >>> Kumaraswamy(1.0, 1.0).mean
        tensor(0.5000)
    """

    arg_constraints = {
        "concentration1": constraints.positive, "concentration0": constraints.positive,
    }  # fmt: skip
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        whole = self.concentration0.ones_like()
        base = Uniform(whole.zeros_like(), whole, validate_args=False)
        super().__init__(base, self._made(), validate_args=validate_args)

    def _made(self) -> list[Transform]:
        """(1 - u^(1/b))^(1/a) of a uniform u."""
        inner = PowerTransform(self.concentration0.reciprocal())
        outer = PowerTransform(self.concentration1.reciprocal())
        return [inner, AffineTransform(1.0, -1.0), outer]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.transforms = new._made()
        return new

    def _moment(self, order: int) -> Tensor:
        """E[x^order] = b B(1 + order/a, b)"""
        a, b = self.concentration1, self.concentration0
        raised = 1 + order / a
        return b * (raised.lgamma() + b.lgamma() - (raised + b).lgamma()).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """nan where the density is infinite at an end."""
        a, b = self.concentration1, self.concentration0
        top = ((a - 1) / (a * b - 1)).pow(1 / a)
        return top.masked_fill((a < 1) | (b < 1) | ((a == 1) & (b == 1)), float("nan"))

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).square()

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + EULER
        return (1 - 1 / b) + (1 - 1 / a) * harmonic - a.log() - b.log()
