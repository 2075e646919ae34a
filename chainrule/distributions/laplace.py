"""The Laplace distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions.location_scale import LocationScale
from chainrule.dtypes import finfo
from chainrule.tensor.tensor import Tensor


class Laplace(LocationScale):
    """p(x) = exp(-|x - μ| / s) / 2s  with μ = loc and s = scale.

    Example:
        >>> import chainrule as cr
        >>> Laplace(0.0, 1.0).cdf(cr.tensor([-1.0, 0.0]))
        tensor([0.1839, 0.5000])
    """

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.square()

    @property
    def stddev(self) -> Tensor:
        return 2**0.5 * self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = self._uniform(sample_shape, self.loc) * 2 - 1  # -1 (included) to 1
        tail = (-u.abs()).clamp_min(finfo(u.dtype).eps - 1)
        return self.loc - self.scale * u.sign() * tail.log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        self._check_value(value)
        z = value - self.loc
        return 0.5 - 0.5 * z.sign() * (-z.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        u = value - 0.5
        return self.loc - self.scale * u.sign() * (-2 * u.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()
