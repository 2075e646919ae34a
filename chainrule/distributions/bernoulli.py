"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.exp_family import ExponentialFamily
from chainrule.distributions.parameters import BinaryParameter, binary_cross_entropy
from chainrule.functional.activation import softplus
from chainrule.tensor.creation import arange
from chainrule.tensor.tensor import Tensor


class Bernoulli(BinaryParameter, ExponentialFamily):
    """p(1) = p, p(0) = 1 - p  with p = probs, or its logit  ln(p / (1 - p)) = logits.

    Example:
        >>> import chainrule as cr
        >>> Bernoulli(cr.tensor([0.5, 0.9])).log_prob(cr.tensor([1.0, 0.0]))
        tensor([-0.6931, -2.3026])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        shape = self._set_probability(probs, logits).shape
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        """1, 0, or nan where both are as probable."""
        likely = (self.probs >= 0.5).to(self.probs.dtype)
        return likely.masked_fill(self.probs == 0.5, float("nan"))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        noise = self._uniform(sample_shape, self._param)
        return (noise < self.probs.detach()).to(noise.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return -binary_cross_entropy(self.logits, value)

    def entropy(self) -> Tensor:
        return binary_cross_entropy(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        return softplus(natural_params[0])
