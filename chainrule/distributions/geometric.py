"""The geometric distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import BinaryParameter, binary_cross_entropy
from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor


class Geometric(BinaryParameter, Distribution):
    """p(k) = (1 - p)ᵏ p  for k = 0, 1, …: failures before the first success.

    Example:
        >>> import chainrule as cr
        >>> Geometric(cr.tensor(0.25)).mean
        tensor(3.)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        shape = self._set_probability(probs, logits).shape
        super().__init__(shape, validate_args=validate_args)
        if self._checks() and probs is not None and not (self.probs > 0).all():
            raise ArgumentError(
                "CR950",
                f"Geometric: parameter probs must be above 0, got {self.probs.tolist()}",
            )

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return self.probs.zeros_like()

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        u = self._uniform(sample_shape, self._param).clamp_min(finfo(self._param.dtype).tiny)
        return (u.log() / (-self.probs.detach()).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        never = (self.probs == 1) & (value == 0)
        p = self.probs.masked_fill(never, 0)
        return value * (-p).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy(self.logits, self.probs) / self.probs
