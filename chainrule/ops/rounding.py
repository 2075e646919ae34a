"""Whole numbers near each element."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Rounding(Elementwise, abstract=True):
    """The family of steps: constant almost everywhere, so the derivative is 0."""

    def vjp_x(g):
        return g.zeros_like()


class Floor(Rounding):
    """The largest whole number ≤ x."""

    def forward(x):
        return np.floor(x)


class Ceil(Rounding):
    """The smallest whole number ≥ x."""

    def forward(x):
        return np.ceil(x)


class Round(Rounding):
    """The nearest whole number, halves to the even one."""

    def forward(x):
        return np.rint(x)


class Trunc(Rounding):
    """x without its fraction."""

    def forward(x):
        return np.trunc(x)


class RoundingMethods(Methods):
    """What a user calls; integers are whole already."""

    def floor(self) -> Tensor:
        return self._rounded(Floor)

    def ceil(self) -> Tensor:
        return self._rounded(Ceil)

    def trunc(self) -> Tensor:
        return self._rounded(Trunc)

    fix = trunc

    def round(self, *, decimals: int = 0) -> Tensor:
        """The nearest whole number (or multiple of 10^-decimals), halves to the even one."""
        if decimals == 0:
            return self._rounded(Round)
        if decimals > 0:
            return (self * 10.0**decimals).round() / 10.0**decimals
        return (self / 10.0**-decimals).round() * 10.0**-decimals

    def frac(self) -> Tensor:
        """The part after the point, with the sign of self."""
        return self - self.trunc()

    def _rounded(self, primitive: type[Rounding]) -> Tensor:
        return self._apply(primitive, self) if self.is_floating_point() else self.clone()
