"""The half-Cauchy distribution."""

from __future__ import annotations

from chainrule.distributions.absolute_value import AbsoluteValue
from chainrule.distributions.cauchy import Cauchy
from chainrule.tensor.tensor import Tensor


class HalfCauchy(AbsoluteValue):
    """The absolute value of a Cauchy number around 0.

    p(x) = 2 / (πs (1 + x²/s²))  for x ≥ 0, with s = scale

    Example:
        >>> import chainrule as cr
        >>> HalfCauchy(1.0).cdf(cr.tensor(0.0))
        tensor(0.)
    """

    base_dist: Cauchy
    symmetric = Cauchy

    @property
    def mean(self) -> Tensor:
        return self.base_dist.variance

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance
