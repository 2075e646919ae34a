"""A choice among categories, as vectors with a single 1."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.categorical import OverCategories
from chainrule.functional.embedding import one_hot
from chainrule.tensor.creation import eye
from chainrule.tensor.tensor import Tensor


class OneHotCategorical(OverCategories):
    """p(eₖ) = pₖ for the unit vectors eₖ.

    Shapes:  probs or logits (…, K) → batch_shape (…), event_shape (K)

    Example:
        >>> import chainrule as cr
        >>> OneHotCategorical(cr.tensor([0.0, 1.0])).sample()
        tensor([0., 1.])
    """

    support = constraints.one_hot
    has_enumerate_support = True

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self._vectors(self.probs.argmax(-1))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _vectors(self, categories: Tensor) -> Tensor:
        return one_hot(categories, self._event_shape[0]).to(self._param.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._vectors(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(eye(self._event_shape[0], dtype=self._param.dtype), expand)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """As OneHotCategorical, with the derivative of the probabilities for that of a sample.

    Source: Bengio, Léonard & Courville 2013, "Estimating or propagating gradients through
    stochastic neurons"
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = self.sample(sample_shape)
        return drawn + (self.probs - self.probs.detach())
