"""Bessel functions of order 0 and 1, element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.ops import bessel_kernels
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class BesselI0(Elementwise):
    """Modified Bessel function of the first kind  y = I₀(x)."""

    def forward(x):
        return bessel_kernels.i0(x)

    def vjp_x(g, x):
        return g * x.i1()


class BesselI1(Elementwise):
    """Modified Bessel function of the first kind  y = I₁(x) = I₀'(x)."""

    def forward(x):
        return bessel_kernels.i1(x)

    def vjp_x(g, x, y):
        return g * (x.i0() - _over(y, x))


class BesselI0e(Elementwise):
    """Scaled modified Bessel function  y = exp(-|x|) I₀(x)."""

    def forward(x):
        return bessel_kernels.i0e(x)

    def vjp_x(g, x, y):
        return g * (x.i1e() - x.sign() * y)


class BesselI1e(Elementwise):
    """Scaled modified Bessel function  y = exp(-|x|) I₁(x)."""

    def forward(x):
        return bessel_kernels.i1e(x)

    def vjp_x(g, x, y):
        return g * (x.i0e() - _over(y, x) - x.sign() * y)


def _over(y: Tensor, x: Tensor) -> Tensor:
    """y / x, which for I₁ is ½ at 0."""
    zero = x == 0
    return (y / x.masked_fill(zero, 1)).masked_fill(zero, 0.5)


class BesselMethods(Methods):
    """What a user calls; torch.special knows them as functions."""

    def i0(self) -> Tensor:
        """I₀(x), the modified Bessel function of the first kind.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([0.0, 1.0, 2.0]).i0()
            tensor([1.0000, 1.2661, 2.2796])
        """
        return self._apply(BesselI0, self._floating())

    def i1(self) -> Tensor:
        """I₁(x), the derivative of I₀."""
        return self._apply(BesselI1, self._floating())

    def i0e(self) -> Tensor:
        """exp(-|x|) I₀(x), which does not overflow."""
        return self._apply(BesselI0e, self._floating())

    def i1e(self) -> Tensor:
        """exp(-|x|) I₁(x), which does not overflow."""
        return self._apply(BesselI1e, self._floating())
