"""Binary variables that are almost 0 or 1, and differentiable."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import BinaryParameter, clamp_probs
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import SigmoidTransform
from chainrule.functional.activation import log1p_exp
from chainrule.tensor.tensor import Tensor


class LogitRelaxedBernoulli(BinaryParameter, Distribution):
    """The logit of a RelaxedBernoulli:  x = (logits + ln u - ln(1 - u)) / temperature.

    Source: Maddison, Mnih & Teh 2017, "The concrete distribution"
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self.temperature = temperature
        shape = self._set_probability(probs, logits).shape
        super().__init__(shape, validate_args=validate_args)

    def _expanded(self, value: Any, batch_shape: tuple[int, ...]) -> Any:
        kept = value is self.temperature
        return value if kept else super()._expanded(value, batch_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(self._uniform(sample_shape, self._param))
        return (u.log() - (-u).log1p() + self.logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        z = self.logits - value * self.temperature
        warmth = self.temperature
        cold = warmth.log() if isinstance(warmth, Tensor) else z.full_like(warmth).log()
        return cold + z - 2 * log1p_exp(z)


class RelaxedBernoulli(TransformedDistribution):
    """A Bernoulli variable relaxed to numbers between 0 and 1, differentiable in its logits;
    at a lower temperature they are closer to 0 and 1.

    Example:
        >>> import chainrule as cr
        >>> RelaxedBernoulli(cr.tensor(0.5), logits=cr.zeros(3)).rsample().shape
        chainrule.Size([3])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    base_dist: LogitRelaxedBernoulli

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Any:
        """How far from 0 and 1 the numbers are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logits of the binary variable."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """Its probability of 1."""
        return self.base_dist.probs
