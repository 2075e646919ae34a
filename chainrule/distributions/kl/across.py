"""The divergence of distributions of different families:

    KL(p ‖ q) = -H(p) - E[ln q(x)]  for x from p

Which expectations E[ln q(x)] needs depends on q alone: the mean and variance of p for a
normal q, the means of x and ln x for a gamma q, and so on.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions.bernoulli import Bernoulli
from chainrule.distributions.beta import Beta
from chainrule.distributions.binomial import Binomial
from chainrule.distributions.continuous_bernoulli import ContinuousBernoulli
from chainrule.distributions.exponential import Exponential
from chainrule.distributions.gamma import Gamma
from chainrule.distributions.gumbel import Gumbel
from chainrule.distributions.kl.registry import register_kl
from chainrule.distributions.laplace import Laplace
from chainrule.distributions.normal import Normal
from chainrule.distributions.parameters import EULER, broadcast_all
from chainrule.distributions.pareto import Pareto
from chainrule.distributions.poisson import Poisson
from chainrule.distributions.uniform import Uniform
from chainrule.tensor.tensor import Tensor


def _infinite(p: Any, q: Any) -> Tensor:
    """p is possible where q is not."""
    return broadcast_all(p.mean, q.mean)[0].full_like(math.inf)


OUTSIDE = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}
for _p, _others in OUTSIDE.items():
    for _q in _others:
        register_kl(_p, _q)(_infinite)


# -- expectations under p ------------------------------------------------------------------


def _mean_log(p: Any) -> Tensor:
    """E[ln x]"""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Gamma):
        return p.concentration.digamma() - p.rate.log()
    if isinstance(p, Exponential):
        return -EULER - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return _mean_log_uniform(p.low, p.high)


def _mean_log_uniform(low: Tensor, high: Tensor) -> Tensor:
    return (high.xlogy(high) - low.xlogy(low)) / (high - low) - 1


def _mean_exp(p: Any, factor: Tensor) -> Tensor:
    """E[exp(-factor x)], the Laplace transform."""
    if isinstance(p, Normal):
        return (-factor * p.loc + (factor * p.scale).square() / 2).exp()
    if isinstance(p, Gamma):
        return (1 + factor / p.rate).pow(-p.concentration)
    if isinstance(p, Exponential):
        return p.rate / (p.rate + factor)
    return ((-factor * p.low).exp() - (-factor * p.high).exp()) / (factor * (p.high - p.low))


# -- rules by the family of q --------------------------------------------------------------


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
def _to_normal(p: Any, q: Normal) -> Tensor:
    spread = p.variance + (p.mean - q.loc).square()
    likely = spread / (2 * q.scale.square()) + q.scale.log() + math.log(2 * math.pi) / 2
    return likely - p.entropy()


@register_kl(Pareto, Normal)
def _pareto_to_normal(p: Pareto, q: Normal) -> Tensor:
    return _finite_above(2, p, _to_normal, q)


def _finite_above(order: int, p: Pareto, rule: Any, q: Any) -> Tensor:
    """What the rule says where the moments of p up to `order` are finite, else infinite."""
    wild = p.alpha <= order
    tame = Pareto(p.scale, p.alpha.masked_fill(wild, order + 1), validate_args=False)
    return rule(tame, q).masked_fill(wild, math.inf)


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return q.rate * p.mean - q.rate.log() - p.entropy()


@register_kl(Pareto, Exponential)
def _pareto_to_exponential(p: Pareto, q: Exponential) -> Tensor:
    return _finite_above(1, p, _to_exponential, q)


@register_kl(Uniform, Exponential)
def _uniform_to_exponential(p: Uniform, q: Exponential) -> Tensor:
    return _to_exponential(p, q).masked_fill(p.low < 0, math.inf)


@register_kl(Beta, Gamma)
@register_kl(Exponential, Gamma)
def _to_gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    weight = a.lgamma() - a * q.rate.log()
    return weight - (a - 1) * _mean_log(p) + q.rate * p.mean - p.entropy()


@register_kl(Pareto, Gamma)
def _pareto_to_gamma(p: Pareto, q: Gamma) -> Tensor:
    return _finite_above(1, p, _to_gamma, q)


@register_kl(Uniform, Gamma)
def _uniform_to_gamma(p: Uniform, q: Gamma) -> Tensor:
    return _to_gamma(p, q).masked_fill(p.low < 0, math.inf)


@register_kl(Exponential, Gumbel)
@register_kl(Gamma, Gumbel)
@register_kl(Normal, Gumbel)
@register_kl(Uniform, Gumbel)
def _to_gumbel(p: Any, q: Gumbel) -> Tensor:
    mean_exp = (q.loc / q.scale).exp() * _mean_exp(p, q.scale.reciprocal())
    return q.scale.log() + (p.mean - q.loc) / q.scale + mean_exp - p.entropy()


@register_kl(Normal, Laplace)
def _normal_to_laplace(p: Normal, q: Laplace) -> Tensor:
    apart = p.loc - q.loc
    z = apart / p.scale
    fall = math.sqrt(2 / math.pi) * p.scale * (-z.square() / 2).exp()
    distance = fall + apart * (z * math.sqrt(0.5)).erf()  # E|x - loc|
    return distance / q.scale + (2 * q.scale).log() - p.entropy()


@register_kl(Beta, ContinuousBernoulli)
def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    likely = p.mean * q.logits + (-q.probs).log1p() + q._cont_bern_log_norm()
    return -likely - p.entropy()


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_to_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    return _to_continuous_bernoulli(p, q).masked_fill((p.low < 0) | (p.high > 1), math.inf)


@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _to_uniform(p: Any, q: Uniform) -> Tensor:
    inside = (q.high - q.low).log() - p.entropy()
    return inside.masked_fill((q.low > 0) | (q.high < 1), math.inf)


@register_kl(Uniform, Beta)
def _uniform_to_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    weight = a.lgamma() + b.lgamma() - (a + b).lgamma()
    logs = (a - 1) * _mean_log_uniform(p.low, p.high)
    logs = logs + (b - 1) * _mean_log_uniform(1 - p.high, 1 - p.low)
    return (weight - logs - p.entropy()).masked_fill((p.low < 0) | (p.high > 1), math.inf)


@register_kl(Uniform, Pareto)
def _uniform_to_pareto(p: Uniform, q: Pareto) -> Tensor:
    weight = q.alpha.log() + q.alpha * q.scale.log()
    inside = (q.alpha + 1) * _mean_log(p) - weight - p.entropy()
    return inside.masked_fill(p.low < q.scale, math.inf)


@register_kl(Bernoulli, Poisson)
def _bernoulli_to_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()
