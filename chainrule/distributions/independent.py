"""Batch axes as axes of the event."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import sum_rightmost
from chainrule.errors import AbsentError, ArgumentError
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class Independent(Distribution):
    """Another distribution whose last `reinterpreted_batch_ndims` batch axes are of the event.

    Its log_prob is the sum over them.

    Example:
        >>> import chainrule as cr
        >>> from chainrule.distributions import Normal
        >>> m = Independent(Normal(cr.zeros(3), cr.ones(3)), 1)
        >>> m.batch_shape, m.event_shape
        (chainrule.Size([]), chainrule.Size([3]))
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ArgumentError(
                "CR953",
                f"Independent: reinterpreted_batch_ndims={reinterpreted_batch_ndims}, but the "
                f"batch_shape {tuple(batch)} has only {len(batch)} axes",
            )
        shape = batch + base_distribution.event_shape
        kept = len(batch) - reinterpreted_batch_ndims
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__(shape[:kept], shape[kept:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        inner = tuple(self._event_shape)[: self.reinterpreted_batch_ndims]
        new = self._get_checked_instance(Independent, _instance)
        vars(new).update(vars(self))
        new.base_dist = self.base_dist.expand(tuple(batch_shape) + inner)
        new._batch_shape = Size(batch_shape)
        return new

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> bool:
        return self.base_dist.has_enumerate_support and self.reinterpreted_batch_ndims == 0

    @constraints.dependent_property
    def support(self) -> Any:
        inner = self.base_dist.support
        axes = self.reinterpreted_batch_ndims
        return constraints.independent(inner, axes) if axes else inner

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        if self.reinterpreted_batch_ndims > 0:
            raise AbsentError(
                "CR954",
                "Independent.enumerate_support: the events of several axes are too many",
            )
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
