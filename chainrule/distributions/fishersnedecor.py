"""Fisher and Snedecor's F distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.gamma import Gamma
from chainrule.distributions.parameters import broadcast_all
from chainrule.dtypes import finfo
from chainrule.tensor.tensor import Tensor


class FisherSnedecor(Distribution):
    """The ratio of two χ² numbers over their degrees of freedom, df1 and df2.

    Example:
        >>> import chainrule as cr
        >>> FisherSnedecor(2.0, 4.0).mean
        tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 / 2, self.df1, validate_args=False)
        self._gamma2 = Gamma(self.df2 / 2, self.df2, validate_args=False)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return (self.df2 / (self.df2 - 2)).masked_fill(self.df2 <= 2, float("nan"))

    @property
    def mode(self) -> Tensor:
        top = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return top.masked_fill(self.df1 <= 2, float("nan"))

    @property
    def variance(self) -> Tensor:
        m, n = self.df1, self.df2
        spread = 2 * n.square() * (m + n - 2) / (m * (n - 2).square() * (n - 4))
        return spread.masked_fill(n <= 4, float("nan"))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        above, below = self._gamma1.rsample(sample_shape), self._gamma2.rsample(sample_shape)
        tiny = finfo(above.dtype).tiny
        return (above / below.clamp_min(tiny)).clamp_min(tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        m, n = self.df1 / 2, self.df2 / 2
        ratio = self.df1 / self.df2
        weight = (m + n).lgamma() - m.lgamma() - n.lgamma()
        rise = m * ratio.log() + (m - 1) * value.log()
        return weight + rise - (m + n) * (ratio * value).log1p()
