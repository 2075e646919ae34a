"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.exp_family import ExponentialFamily
from chainrule.distributions.parameters import (
    BinaryParameter,
    binary_cross_entropy,
    clamp_probs,
    lazy_property,
    logits_to_probs,
)
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class ContinuousBernoulli(BinaryParameter, ExponentialFamily):
    """p(x) = C(λ) λˣ (1 - λ)¹⁻ˣ from 0 to 1, with λ = probs.

    Args:    lims: between these λ, Taylor's series around ½ take the place of 0/0.
    Source:  Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli: fixing a pervasive
             error in variational autoencoders"

    Example:
        >>> import chainrule as cr
        >>> ContinuousBernoulli(0.9).log_prob(cr.tensor(1.0)).exp()
        tensor(2.4719)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        shape = self._set_probability(probs, logits).shape
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)
        if "probs" in vars(self):
            self.probs = clamp_probs(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """λ"""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _apart(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where λ is away from ½, λ with a safe value elsewhere, and its logit."""
        low, high = self._lims
        apart = (self.probs <= low) | (self.probs > high)
        cut = self.probs.where(apart, low)
        return apart, cut, cut.log() - (-cut).log1p()

    def _cont_bern_log_norm(self) -> Tensor:
        """ln C(λ)"""
        apart, cut, logit = self._apart()
        found = logit.abs().log() - (1 - 2 * cut).abs().log()
        x = (self.probs - 0.5).square()
        return found.where(apart, math.log(2) + (4 / 3 + 104 / 45 * x) * x)

    @property
    def mean(self) -> Tensor:
        apart, cut, logit = self._apart()
        x = self.probs - 0.5
        near = 0.5 + (1 / 3 + 16 / 45 * x.square()) * x
        return (cut / (2 * cut - 1) - 1 / logit).where(apart, near)

    @property
    def variance(self) -> Tensor:
        apart, cut, logit = self._apart()
        x = (self.probs - 0.5).square()
        near = 1 / 12 - (1 / 15 - 128 / 945 * x) * x
        far = cut * (cut - 1) / (1 - 2 * cut).square() + 1 / logit.square()
        return far.where(apart, near)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(self._uniform(sample_shape, self.probs))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return self._cont_bern_log_norm() - binary_cross_entropy(self.logits, value)

    def cdf(self, value: Tensor) -> Tensor:
        self._check_value(value)
        apart, cut, _ = self._apart()
        below = cut.pow(value) * (1 - cut).pow(1 - value) + cut - 1
        return (below / (2 * cut - 1)).where(apart, value).clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        apart, cut, logit = self._apart()
        rest = (-cut).log1p()
        far = ((value * (2 * cut - 1) - cut).log1p() - rest) / logit
        return far.where(apart, value)

    def entropy(self) -> Tensor:
        rest = (-self.probs).log1p()
        turn = self.mean * (rest - self.probs.log())
        return turn - self._cont_bern_log_norm() - rest

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        low, high = self._lims
        apart = (x <= low - 0.5) | (x > high - 0.5)
        cut = x.where(apart, low - 0.5)
        near = x / 2 + x.square() / 24 - x.pow(4) / 2880
        return (cut.expm1() / cut).log().where(apart, near)
