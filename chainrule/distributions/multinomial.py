"""The multinomial distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.binomial import Binomial
from chainrule.distributions.categorical import OverCategories
from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor


class Multinomial(OverCategories):
    """p(x) = n! ∏ pₖ^xₖ / xₖ!: how often each category is drawn in n = total_count draws.

    Shapes:  probs or logits (…, K) → batch_shape (…), event_shape (K)

    Example:
        >>> import chainrule as cr
        >>> m = Multinomial(100, cr.tensor([1.0, 1.0, 2.0]))
        >>> m.mean, m.sample().sum()
        (tensor([25., 25., 50.]), tensor(100.))
    """

    total_count: int

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise ArgumentError(
                "CR950", f"Multinomial: total_count is one whole number, got {total_count!r}"
            )
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        counts = self.probs.new_zeros(self._extended_shape(sample_shape))
        draws = self._categorical.sample((self.total_count, *sample_shape))
        last = draws.movedim(0, -1)  # (…, draws)
        return counts.scatter_add(-1, last, last.new_ones(last.shape, dtype=counts.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        impossible = (value == 0) & (self.logits == -float("inf"))
        return ways + (self.logits.masked_fill(impossible, 0) * value).sum(-1)

    def entropy(self) -> Tensor:
        n = self.probs.new_full((), self.total_count)
        part = Binomial(self.total_count, self.probs, validate_args=False)
        counts = part.enumerate_support(expand=False)[1:]
        likely = part.log_prob(counts).exp()
        ways = (likely * (counts + 1).lgamma()).sum((0, -1))
        return self.total_count * self._categorical.entropy() - (n + 1).lgamma() + ways
