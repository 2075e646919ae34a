"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.exp_family import ExponentialFamily
from chainrule.errors import ArgumentError
from chainrule.tensor.functions.variates import standard_dirichlet
from chainrule.tensor.tensor import Tensor


class Dirichlet(ExponentialFamily):
    """p(x) = Γ(Σ aₖ) ∏ xₖ^(aₖ-1) / Γ(aₖ)  of probability vectors x, with a = concentration.

    Shapes:  concentration (…, K) → batch_shape (…), event_shape (K)

    Example:
        >>> import chainrule as cr
        >>> Dirichlet(cr.tensor([1.0, 1.0, 2.0])).mean
        tensor([0.2500, 0.2500, 0.5000])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ArgumentError(
                "CR953", "Dirichlet: concentration is a vector, or more; got one number"
            )
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return standard_dirichlet(self.concentration.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        a = self.concentration
        weight = a.sum(-1).lgamma() - a.lgamma().sum(-1)
        return (a - 1).xlogy(value).sum(-1) + weight

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """The highest point; where every aₖ < 1, the corner of the largest of them."""
        above = (self.concentration - 1).clamp_min(0)
        top = above / above.sum(-1, keepdim=True)
        corner = self.concentration.argmax(-1, keepdim=True)
        one = self.concentration.zeros_like().scatter(-1, corner, 1.0)
        return one.where((self.concentration < 1).all(-1, keepdim=True), top)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, keepdim=True)
        return self.mean * (1 - self.mean) / (total + 1)

    def entropy(self) -> Tensor:
        a, k = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        weight = a.lgamma().sum(-1) - total.lgamma() - (k - total) * total.digamma()
        return weight - ((a - 1) * a.digamma()).sum(-1)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration - 1,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        a = natural_params[0] + 1
        return a.lgamma().sum(-1) - a.sum(-1).lgamma()
