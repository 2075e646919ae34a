"""The χ² distribution."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.gamma import Gamma
from chainrule.distributions.parameters import broadcast_all
from chainrule.tensor.tensor import Tensor


class Chi2(Gamma):
    """The sum of the squares of `df` standard normal numbers: Gamma(df / 2, 1/2).

    Example:
        >>> import chainrule as cr
        >>> Chi2(cr.tensor(3.0)).mean
        tensor(3.)
    """

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (degrees,) = broadcast_all(df)
        super().__init__(degrees / 2, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2
