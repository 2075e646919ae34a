"""A choice among categories, and how one is drawn."""

from __future__ import annotations

import math
from typing import Any

from chainrule import dtypes
from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import (
    lazy_property,
    logits_to_probs,
    one_of,
    probs_to_logits,
)
from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError
from chainrule.tensor.creation import arange, rand
from chainrule.tensor.functions.combining import broadcast_tensors
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class Categorical(Distribution):
    """p(k) = pₖ for k = 0 … K - 1.

    Shapes:  probs or logits (…, K) → batch_shape (…)
    Args:    probs: weights, divided by their sum. logits: their logarithms, up to a constant;
             `logits` of the distribution are normalized,  ln pₖ.
    Raises:  ArgumentError CR950 for weights that are negative or have the sum 0, CR951 for a
             value that is no category, CR952 for both or none of probs and logits.

    Example:
        >>> import chainrule as cr
        >>> policy = Categorical(logits=cr.tensor([0.0, 0.0, 1000.0]))
        >>> action = policy.sample()
        >>> action, policy.log_prob(action)
        (tensor(2), tensor(0.))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        name, value = one_of(self, probs=probs, logits=logits)
        if not isinstance(value, Tensor) or value.ndim < 1:
            raise ArgumentError(
                "CR952", f"{type(self).__name__}: {name} is a tensor with the categories last"
            )
        self._given = name
        if name == "probs":
            self.probs = value / value.sum(-1, keepdim=True)
        else:
            self.logits = value - value.logsumexp(-1, keepdim=True)
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """ln pₖ"""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """pₖ"""
        return logits_to_probs(self.logits)

    @property
    def _param(self) -> Tensor:
        return getattr(self, self._given)

    @property
    def _num_events(self) -> int:
        return self._param.shape[-1]

    @property
    def param_shape(self) -> Size:
        """The shape of probs or logits, (…, K)."""
        return self._param.shape

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """nan, as categories are no numbers."""
        return self._param.new_full(self._batch_shape, float("nan"))

    variance = mean

    @property
    def mode(self) -> Tensor:
        return self._param.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return drawn_categories(self.probs.detach(), self._sizes(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        chosen, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, chosen[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp_min(finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(arange(self._num_events), expand)


class OverCategories(Distribution):
    """The family: events with one number for each category of a Categorical.

    Shapes:  probs or logits (…, K) → batch_shape (…), event_shape (K)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self._categorical = Categorical(probs, logits, validate_args=validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def logits(self) -> Tensor:
        """ln pₖ"""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """pₖ"""
        return self._categorical.probs

    @property
    def param_shape(self) -> Size:
        """The shape of probs or logits, (…, K)."""
        return self._categorical.param_shape


def drawn_categories(probs: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
    """Categories drawn with probabilities (…, K), in the shape sample_shape + (…).

    Notes: the first whose running sum exceeds u times the whole sum; in float64 u · sum stays
    below the sum, so that a category without probability is never drawn.
    """
    batch, count = tuple(probs.shape[:-1]), probs.shape[-1]
    sums = probs.to(dtypes.float64).reshape(-1, count).cumsum(-1)
    size = (sums.shape[0], math.prod(sample_shape))
    places = rand(size, dtype=dtypes.float64) * sums[:, -1:]
    found = sums.searchsorted(places, right=True)  # (batch, samples)
    return found.mT.reshape(sample_shape + batch)
