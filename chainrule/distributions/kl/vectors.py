"""The divergence of normal distributions of vectors.

KL(p ‖ q) = ½ (tr Σ_q⁻¹ Σ_p + (μ_q - μ_p)ᵀ Σ_q⁻¹ (μ_q - μ_p) - d + ln det Σ_q - ln det Σ_p)
"""

from __future__ import annotations

from chainrule.distributions.kl.registry import register_kl
from chainrule.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from chainrule.distributions.multivariate_normal import (
    MultivariateNormal,
    half_log_det,
    mahalanobis,
)
from chainrule.errors import ArgumentError
from chainrule.functional.linalg.solving import solve_triangular
from chainrule.shapes import broadcast
from chainrule.tensor.tensor import Tensor

Normals = MultivariateNormal | LowRankMultivariateNormal


def _log_det(p: Normals) -> Tensor:
    if isinstance(p, LowRankMultivariateNormal):
        return p._log_det()
    return 2 * half_log_det(p._unbroadcasted_scale_tril)


def _distance(q: Normals, x: Tensor) -> Tensor:
    """xᵀ Σ_q⁻¹ x"""
    if isinstance(q, LowRankMultivariateNormal):
        return q._distance(x)
    return mahalanobis(q._unbroadcasted_scale_tril, x)


def _factors(p: Normals) -> list[Tensor]:
    """Matrices A with  Σ_p = Σ A Aᵀ."""
    if isinstance(p, LowRankMultivariateNormal):
        return [p.cov_factor, p.cov_diag.sqrt().diag_embed()]
    return [p._unbroadcasted_scale_tril]


def _trace(q: Normals, factor: Tensor) -> Tensor:
    """tr Σ_q⁻¹ A Aᵀ"""
    if isinstance(q, LowRankMultivariateNormal):
        scaled = (factor.square() / q.cov_diag.unsqueeze(-1)).sum((-2, -1))
        return scaled - (q._whitened_factor() @ factor).square().sum((-2, -1))
    root = q._unbroadcasted_scale_tril
    batch = broadcast(tuple(root.shape[:-2]), tuple(factor.shape[:-2]))
    root, factor = root.expand(*batch, -1, -1), factor.expand(*batch, -1, -1)
    return solve_triangular(root, factor, upper=False).square().sum((-2, -1))


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _multivariate_normal(p: Normals, q: Normals) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ArgumentError(
            "CR953",
            f"kl_divergence of normal distributions of {p.event_shape[0]} and "
            f"{q.event_shape[0]} numbers; the vectors must be of one length",
        )
    result = _distance(q, q.loc - p.loc) + _log_det(q) - _log_det(p) - p.event_shape[0]
    for factor in _factors(p):
        result = result + _trace(q, factor)
    return result / 2
