"""The logistic-normal distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.normal import Normal
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import StickBreakingTransform
from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor


class LogisticNormal(TransformedDistribution):
    """Probability vectors of K categories from K - 1 normal numbers, by stick breaking.

    Example:
        >>> import chainrule as cr
        >>> LogisticNormal(cr.zeros(3), cr.ones(3)).event_shape
        chainrule.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            raise ArgumentError(
                "CR953", "LogisticNormal: loc and scale are vectors of K - 1 numbers"
            )
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def _normal(self) -> Any:
        return self.base_dist.base_dist  # type: ignore[attr-defined]

    @property
    def loc(self) -> Tensor:
        """The means of the normal numbers."""
        return self._normal.loc

    @property
    def scale(self) -> Tensor:
        """Their standard deviations."""
        return self._normal.scale
