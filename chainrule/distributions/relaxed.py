"""Discrete choices made continuous, and so differentiable, by a temperature."""

from __future__ import annotations

from typing import Any

from chainrule.distributions.distribution import Distribution
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.tensor.tensor import Tensor


class Tempered(Distribution):
    """The family: what is drawn is divided by one temperature, the same in the whole batch."""

    temperature: Any
    logits: Any
    probs: Any

    def _expanded(self, value: Any, batch_shape: tuple[int, ...]) -> Any:
        kept = value is self.temperature
        return value if kept else super()._expanded(value, batch_shape)

    def _log_temperature(self, like: Tensor) -> Tensor:
        """The logarithm of the temperature, in the type of another tensor if it is a number."""
        t = self.temperature
        return t.log() if isinstance(t, Tensor) else like.new_full((), t).log()


class Relaxed(TransformedDistribution):
    """The family: a tempered distribution brought to the range of the discrete choice."""

    has_rsample = True
    base_dist: Tempered

    @property
    def temperature(self) -> Any:
        """How far from the discrete choices the numbers are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logits of the choices."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities of the choices."""
        return self.base_dist.probs
