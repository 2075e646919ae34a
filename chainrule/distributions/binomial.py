"""The binomial distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import BinaryParameter, broadcast_all
from chainrule.errors import AbsentError
from chainrule.functional.activation import log1p_exp
from chainrule.tensor.creation import arange
from chainrule.tensor.functions.variates import binomial
from chainrule.tensor.tensor import Tensor


class CountOf(BinaryParameter, Distribution):
    """The family: a number of trials, each with a probability."""

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        value = self._set_probability(probs, logits)
        count, value = broadcast_all(total_count, value)
        self.total_count = count.to(value.dtype)
        vars(self)["logits" if probs is None else "probs"] = value
        super().__init__(value.shape, validate_args=validate_args)


class Binomial(CountOf):
    """p(k) = (n k) pᵏ (1 - p)ⁿ⁻ᵏ: successes in n = total_count trials.

    Example:
        >>> import chainrule as cr
        >>> Binomial(10, cr.tensor([0.0, 0.2])).mean
        tensor([0., 2.])
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        count = self.total_count.expand(self._extended_shape(sample_shape))
        return binomial(count.detach(), self.probs.detach())

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        n, logits = self.total_count, self.logits
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * logits - n * log1p_exp(logits)

    def entropy(self) -> Tensor:
        self._largest_count("entropy")
        likely = self.log_prob(self.enumerate_support(expand=False))
        return -(likely.exp() * likely).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        count = self._largest_count("enumerate_support")
        return self._enumerated(arange(count + 1, dtype=self._param.dtype), expand)

    def _largest_count(self, what: str) -> int:
        counts = self.total_count._array(f"Binomial.{what}()")
        if counts.min() != counts.max():
            raise AbsentError(
                "CR954",
                f"Binomial.{what}() is for equal total_count in the whole batch, got "
                f"{counts.min():g} to {counts.max():g}",
            )
        return int(counts.max())
