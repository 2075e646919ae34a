"""Binary variables that are almost 0 or 1, and differentiable."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.parameters import BinaryParameter, clamp_probs
from chainrule.distributions.relaxed import Relaxed, Tempered
from chainrule.distributions.transforms import SigmoidTransform
from chainrule.functional.activation import log1p_exp
from chainrule.tensor.tensor import Tensor


class LogitRelaxedBernoulli(BinaryParameter, Tempered):
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

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(self._uniform(sample_shape, self._param))
        return (u.log() - (-u).log1p() + self.logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z = self.logits - value * self.temperature
        return self._log_temperature(z) + z - 2 * log1p_exp(z)


class RelaxedBernoulli(Relaxed):
    """A Bernoulli variable relaxed to numbers between 0 and 1, differentiable in its logits;
    at a lower temperature they are closer to 0 and 1.

    Example:
        >>> import chainrule as cr
        >>> RelaxedBernoulli(cr.tensor(0.5), logits=cr.zeros(3)).rsample().shape
        chainrule.Size([3])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)
