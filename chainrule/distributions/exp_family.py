"""Distributions of the exponential family."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import sum_rightmost
from chainrule.tensor.grad_mode import enable_grad
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor


class ExponentialFamily(Distribution):
    """p(x; θ) = h(x) exp(⟨t(x), θ⟩ - F(θ))  with natural parameters θ and log normalizer F.

    Notes: a subclass that gives θ, F and E[ln h(x)] has its entropy and its divergences from
    F's derivative, as E[t(x)] = ∇F(θ).
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise self._has_no("natural parameters")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise self._has_no("log normalizer")

    @property
    def _mean_carrier_measure(self) -> float | Tensor:
        raise self._has_no("entropy")

    def _normalizer_and_means(self) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """θ, F(θ) and E[t(x)] = ∇F(θ), all differentiable in the parameters."""
        with enable_grad():
            natural = [
                1 * (theta if theta.requires_grad else theta.detach().requires_grad_())
                for theta in self._natural_params
            ]
            normalizer = self._log_normalizer(*natural)
            found = grad(normalizer.sum(), natural, create_graph=True)
            means = [mean for mean in found if mean is not None]
        if any(theta.requires_grad for theta in self._natural_params):
            return natural, normalizer, means
        return _detached(natural), normalizer.detach(), _detached(means)

    def entropy(self) -> Tensor:
        carrier = self._mean_carrier_measure
        natural, normalizer, means = self._normalizer_and_means()
        result = normalizer - carrier
        for theta, mean in zip(natural, means, strict=True):
            result = result - sum_rightmost(theta * mean, theta.ndim - len(self._batch_shape))
        return result


def _detached(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [x.detach() for x in tensors]
