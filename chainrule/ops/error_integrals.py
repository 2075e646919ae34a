"""Integrals of the bell curve: the error function, the normal distribution, and inverses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chainrule.ops import error_function
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor

SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0


class Erf(Elementwise):
    """Error function  y = 2/√π ∫₀ˣ exp(-t²) dt."""

    def forward(x):
        return error_function.erf(x)

    def vjp_x(g, x):
        return g * SLOPE * (-x * x).exp()


class Erfc(Elementwise):
    """Complement of the error function  y = 1 - erf x, exact where it is small."""

    def forward(x):
        return error_function.erfc(x)

    def vjp_x(g, x):
        return g * -SLOPE * (-x * x).exp()


class Erfcx(Elementwise):
    """Scaled complement of the error function  y = exp(x²) (1 - erf x)."""

    def forward(x):
        return error_function.erfcx(x)

    def vjp_x(g, x, y):
        return g * (2 * x * y - SLOPE)


class Erfinv(Elementwise):
    """Inverse of the error function  erf y = x."""

    def forward(x):
        return error_function.erfinv(x)

    def vjp_x(g, y):
        return g / SLOPE * (y * y).exp()


class Ndtri(Elementwise):
    """Quantile of the standard normal distribution  Φ(y) = x."""

    def forward(x):
        return error_function.ndtri(x)

    def vjp_x(g, y):
        return g * math.sqrt(2 * math.pi) * (y * y / 2).exp()


class LogNdtr(Elementwise):
    """y = ln Φ(x), of the standard normal distribution, exact far down its tail.

    Notes: its derivative φ(x)/Φ(x) is written with erfcx, so that nothing underflows.
    """

    def forward(x):
        return error_function.log_ndtr(x)

    def vjp_x(g, x):
        return g * math.sqrt(2 / math.pi) / (-x * math.sqrt(0.5)).erfcx()


class ErrorIntegralMethods(Methods):
    """What a user calls."""

    def erf(self) -> Tensor:
        """2/√π ∫₀ˣ exp(-t²) dt"""
        return self._apply(Erf, self._floating())

    def erfc(self) -> Tensor:
        """1 - erf x, exact where it is small.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([0.0, 1.0, -1.0]).erfc()
            tensor([1.0000, 0.1573, 1.8427])
        """
        return self._apply(Erfc, self._floating())

    def erfcx(self) -> Tensor:
        """exp(x²) erfc x, which does not underflow."""
        return self._apply(Erfcx, self._floating())

    def erfinv(self) -> Tensor:
        """The number whose error function is x; ±inf at ±1, nan beyond.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([0.0, 0.5, -1.0]).erfinv()
            tensor([0.0000, 0.4769,   -inf])
        """
        return self._apply(Erfinv, self._floating())

    def ndtr(self) -> Tensor:
        """Φ(x) = erfc(-x/√2) / 2, the standard normal distribution function."""
        return (self._floating() * -math.sqrt(0.5)).erfc() / 2

    def ndtri(self) -> Tensor:
        """The quantile of the standard normal distribution: y with Φ(y) = x."""
        return self._apply(Ndtri, self._floating())

    def log_ndtr(self) -> Tensor:
        """ln Φ(x), exact far down the tail."""
        return self._apply(LogNdtr, self._floating())
