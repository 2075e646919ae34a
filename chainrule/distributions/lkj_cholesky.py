"""The LKJ distribution of correlation matrices."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.beta import Beta
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import broadcast_all
from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError
from chainrule.tensor.creation import arange, randn
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices, with  p(L Lᵀ) ∝ det(L Lᵀ)^(η - 1).

    Args:   dim: rows. concentration: η; 1 is uniform, above it matrices are closer to I.
    Source: Lewandowski, Kurowicka & Joe 2009, "Generating random correlation matrices based
            on vines and extended onion method"

    Example:
        >>> import chainrule as cr
        >>> L = LKJCholesky(3, 1.0).sample()
        >>> bool(((L @ L.T).diagonal() - 1).abs().max() < 1e-5)
        True
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ArgumentError("CR950", f"LKJCholesky: dim must be 2 or more, got {dim}")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        kind = self.concentration.dtype
        below = arange(dim, dtype=kind).clamp_min(1)  # elements of a row before the diagonal
        top = (self.concentration + (dim - 1) / 2).unsqueeze(-1)
        self._beta = Beta(below / 2, top - below / 2, validate_args=False)
        shape = self.concentration.shape
        super().__init__(shape, (dim, dim), validate_args=validate_args)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Each row: its length before the diagonal from a beta law, in a random direction."""
        with no_grad():
            length = self._beta.sample(sample_shape).sqrt().unsqueeze(-1)
            shape = self._extended_shape(sample_shape)
            direction = randn(shape, dtype=length.dtype).tril(-1)
            norm = direction.square().sum(-1, keepdim=True).sqrt()
            rows = length * direction / norm.masked_fill(norm == 0, 1)
            rest = (1 - rows.square().sum(-1)).clamp_min(finfo(rows.dtype).tiny)
            return rows + rest.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        eta, d = self.concentration, self.dim
        diagonal = value.diagonal(0, -2, -1)[..., 1:]
        power = 2 * (eta - 1).unsqueeze(-1) + d - arange(2, d + 1, dtype=eta.dtype)
        alpha = eta + (d - 1) / 2
        gammas = (alpha - 0.5).mvlgamma(d - 1) - (d - 1) * alpha.lgamma()
        weight = (d - 1) / 2 * math.log(math.pi) + gammas
        return (power * diagonal.log()).sum(-1) - weight
