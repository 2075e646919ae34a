"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.binomial import CountOf
from chainrule.functional.activation import logsigmoid
from chainrule.tensor.functions.variates import poisson, standard_gamma
from chainrule.tensor.tensor import Tensor


class NegativeBinomial(CountOf):
    """p(k) = Γ(n + k) / (Γ(n) k!) (1 - p)ⁿ pᵏ: successes before n = total_count failures.

    Notes: drawn as a Poisson number whose rate is a gamma number.

    Example:
        >>> import chainrule as cr
        >>> NegativeBinomial(3, cr.tensor(0.5)).mean
        tensor(3.)
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp_min(0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        rate = standard_gamma(self.total_count.detach().expand(shape))
        return poisson(rate * self.logits.detach().exp())

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        n = self.total_count
        likely = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = (n + value).lgamma() - (value + 1).lgamma() - n.lgamma()
        return likely + ways.masked_fill(n + value == 0, 0)
