"""Distributions of transformed random variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.independent import Independent
from chainrule.distributions.parameters import sum_rightmost
from chainrule.distributions.transforms.transform import ComposeTransform, Transform
from chainrule.errors import ArgumentError
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class TransformedDistribution(Distribution):
    """The distribution of  y = f(x)  for x from another one:

    ln p(y) = ln p(x) - ln |det ∂y/∂x|

    Example:
        >>> import chainrule as cr
        >>> from chainrule.distributions import ExpTransform, Normal
        >>> TransformedDistribution(Normal(0.0, 1.0), ExpTransform()).log_prob(cr.tensor(1.0))
        tensor(-0.9189)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.transforms = _listed(transforms)
        whole = ComposeTransform(self.transforms)
        base, shape = _fitted(base_distribution, whole)
        self.base_dist = base
        before = len(base_distribution.event_shape)
        grown = whole.codomain.event_dim - whole.domain.event_dim
        kept = len(shape) - max(whole.codomain.event_dim, before + grown)
        super().__init__(shape[:kept], shape[kept:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        shape = tuple(batch_shape) + tuple(self._event_shape)
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        base = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        new = super().expand(batch_shape, _instance)
        new.base_dist = base
        return new

    def _expanded(self, value: Any, batch_shape: tuple[int, ...]) -> Any:
        return value if value is self.base_dist else super()._expanded(value, batch_shape)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        end = self.transforms[-1].codomain
        more = len(self._event_shape) - end.event_dim
        return constraints.independent(end, more) if more > 0 else end

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def _backward(self, y: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            y = transform.inv(y)
        return y

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        axes, y = len(self._event_shape), value
        stretch: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            axes += transform.domain.event_dim - transform.codomain.event_dim
            term = transform.log_abs_det_jacobian(x, y)
            stretch = stretch + sum_rightmost(term, axes - transform.domain.event_dim)
            y = x
        likely = self.base_dist.log_prob(y)
        return sum_rightmost(likely, axes - len(self.base_dist.event_shape)) - stretch

    def _turned(self, probability: Tensor) -> Tensor:
        """P where the transforms are increasing, 1 - P where they are decreasing."""
        sign = ComposeTransform(self.transforms).sign
        if isinstance(sign, int) and sign == 1:
            return probability
        return sign * (probability - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        x = self._backward(value)
        if self._validate_args:
            self.base_dist._validate_sample(x)
        return self._turned(self.base_dist.cdf(x))

    def icdf(self, value: Tensor) -> Tensor:
        return self._forward(self.base_dist.icdf(self._turned(value)))


def _listed(transforms: Any) -> list[Transform]:
    found = [transforms] if isinstance(transforms, Transform) else transforms
    if not isinstance(found, (list, tuple)) or not all(isinstance(x, Transform) for x in found):
        raise ArgumentError(
            "CR957",
            f"TransformedDistribution takes a Transform or a list of them, got {transforms!r}",
        )
    return list(found)


def _fitted(base: Distribution, whole: Transform) -> tuple[Distribution, Size]:
    """The base distribution as the transforms need it, and the shape they make of it."""
    before, axes = base.batch_shape + base.event_shape, len(base.event_shape)
    needed = whole.domain.event_dim
    if len(before) < needed:
        raise ArgumentError(
            "CR957",
            f"the transforms take events with {needed} axes; the base distribution has the "
            f"shape {tuple(before)}",
        )
    shape = whole.forward_shape(before)
    wider = whole.inverse_shape(shape)
    if tuple(before) != tuple(wider):
        base = base.expand(tuple(wider)[: len(wider) - axes])
    if needed > axes:
        base = Independent(base, needed - axes)
    return base, Size(shape)
