"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.categorical import Categorical
from chainrule.distributions.distribution import Distribution
from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.shapes import broadcast
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class MixtureSameFamily(Distribution):
    """p(x) = Σₖ wₖ pₖ(x)  with the weights of a Categorical and the components pₖ in the last
    batch axis of another distribution.

    Example:
        >>> import chainrule as cr
        >>> from chainrule.distributions import Normal
        >>> parts = Normal(cr.tensor([-1.0, 1.0]), cr.ones(2))
        >>> MixtureSameFamily(Categorical(cr.ones(2)), parts).variance
        tensor(2.)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        weights, parts = mixture_distribution, component_distribution
        self._mixture_distribution, self._component_distribution = weights, parts
        _check_parts(weights, parts)
        self._num_component = parts.batch_shape[-1]
        super().__init__(parts.batch_shape[:-1], parts.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        vars(new).update(vars(self))
        shape = tuple(batch_shape)
        new._component_distribution = self.component_distribution.expand(
            (*shape, self._num_component)
        )
        new._mixture_distribution = self.mixture_distribution.expand(shape)
        new._batch_shape = Size(shape)
        return new

    @property
    def mixture_distribution(self) -> Categorical:
        """The distribution of the component."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components, in the last batch axis."""
        return self._component_distribution

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self.component_distribution.support)

    def _weights(self) -> Tensor:
        """The probabilities of the components, with axes for the event."""
        probs = self.mixture_distribution.probs
        return probs.reshape(*probs.shape, *(1,) * len(self._event_shape))

    def _axis(self) -> int:
        """The axis of the components."""
        return -1 - len(self._event_shape)

    @property
    def mean(self) -> Tensor:
        return (self._weights() * self.component_distribution.mean).sum(self._axis())

    @property
    def variance(self) -> Tensor:
        """The mean variance plus the variance of the means."""
        parts, weights, axis = self.component_distribution, self._weights(), self._axis()
        within = (weights * parts.variance).sum(axis)
        apart = parts.mean - self.mean.unsqueeze(axis)
        return within + (weights * apart.square()).sum(axis)

    def cdf(self, value: Tensor) -> Tensor:
        below = self.component_distribution.cdf(value.unsqueeze(self._axis()))
        return (below * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        likely = self.component_distribution.log_prob(value.unsqueeze(self._axis()))
        return (likely + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        weights = self.mixture_distribution.expand(self._batch_shape)
        chosen = weights.sample(sample_shape)  # sample + batch
        drawn = self.component_distribution.sample(sample_shape)
        axes = (1,) * (1 + len(self._event_shape))
        places = chosen.reshape(*chosen.shape, *axes)
        shape = (*chosen.shape, 1, *self._event_shape)
        return drawn.gather(self._axis(), places.expand(shape)).squeeze(self._axis())

    def __repr__(self) -> str:
        inside = f"{self.mixture_distribution}, {self.component_distribution}"
        return f"MixtureSameFamily({inside})"


def _check_parts(weights: Categorical, parts: Distribution) -> None:
    if not isinstance(weights, Categorical):
        raise ArgumentTypeError(
            "CR953",
            f"MixtureSameFamily: the mixture is a Categorical, got {type(weights).__name__}",
        )
    batch, count = tuple(parts.batch_shape), weights.param_shape[-1]
    if not batch or batch[-1] != count:
        raise ArgumentError(
            "CR953",
            f"MixtureSameFamily: {count} weights need as many components in the last batch "
            f"axis, got the batch_shape {batch}",
        )
    broadcast(tuple(weights.batch_shape), batch[:-1])
