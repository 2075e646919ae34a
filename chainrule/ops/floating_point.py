"""The parts of floating-point numbers: sign, mantissa and exponent, and the next number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import dtypes
from chainrule.ops.comparison import Comparison
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Frexp(NamedTuple):
    """What `frexp` returns."""

    mantissa: Tensor
    exponent: Tensor

    def __repr__(self) -> str:
        return (
            f"chainrule.return_types.frexp(\nmantissa={self.mantissa!r},\n"
            f"exponent={self.exponent!r})"
        )


class SignBit(Comparison):
    """y = 1 where the sign is minus, -0 included."""

    def forward(x):
        return np.signbit(x) if x.dtype.kind == "f" else x < 0


class CopySign(Elementwise):
    """The size of a with the sign of b  y = ±|a|."""

    def forward(a, b):
        return np.copysign(a, b)

    def vjp_a(g, a, y):
        return g * (y / a).masked_fill(a == 0, 0)

    def vjp_b(g):
        return g.zeros_like()


class NextAfter(Elementwise):
    """The next number after a on the way to b, in the element type."""

    widens_halves = False

    def forward(a, b):
        return _next_bfloat16(a, b) if a.dtype == dtypes.BFLOAT16 else np.nextafter(a, b)

    def vjp_a(g):
        return g

    def vjp_b(g):
        return g.zeros_like()


def _next_bfloat16(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A step of float32's bits by the unit that bfloat16 keeps."""
    a, b = np.broadcast_arrays(*[dtypes.cast(x, np.dtype(np.float32)) for x in (a, b)])
    bits = a.view(np.uint32).astype(np.int64)
    outwards = np.where((b > a) == (a > 0), 0x10000, -0x10000)
    smallest = np.where(b > 0, 0x10000, 0x80010000)
    moved = np.where(a == 0, smallest, bits + outwards).astype(np.uint32).view(np.float32)
    return dtypes.cast(
        np.where(np.isnan(a) | np.isnan(b), np.float32(np.nan), np.where(a == b, b, moved)),
        dtypes.BFLOAT16,
    )


class Mantissa(Elementwise):
    """m of  x = m 2ᵉ  with ½ ≤ |m| < 1."""

    def forward(x):
        return np.frexp(x)[0]

    def vjp_x(g, x, y):
        return g * (y / x).masked_fill(~x.isfinite() | (x == 0), 1)


class Exponent(Elementwise):
    """e of  x = m 2ᵉ  with ½ ≤ |m| < 1."""

    def forward(x):
        return np.frexp(x)[1]

    def dtype(x):
        return np.dtype(np.int32)


class FloatingPointMethods(Methods):
    """What a user calls."""

    def signbit(self) -> Tensor:
        """Whether the sign is minus; of -0.0 too."""
        return self._apply(SignBit, self)

    def copysign(self, other: Any) -> Tensor:
        """The size of self with the sign of `other`."""
        a, b = self._promoted(other)
        return self._apply(CopySign, a._floating(), b._floating())

    def nextafter(self, other: Tensor) -> Tensor:
        """The next number after self on the way to `other`."""
        a, b = self._must_float("nextafter()")._promoted(other)
        return self._apply(NextAfter, a, b)

    def frexp(self) -> Frexp:
        """Mantissa m and exponent e with  self = m 2ᵉ  and ½ ≤ |m| < 1.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([3.0, 0.1]).frexp().mantissa
            tensor([0.7500, 0.8000])
        """
        x = self._must_float("frexp()")
        return Frexp(self._apply(Mantissa, x), self._apply(Exponent, x))

    def ldexp(self, other: Tensor) -> Tensor:
        """self · 2^other"""
        return self * 2.0**other

    def isposinf(self) -> Tensor:
        """Whether each element is +inf."""
        return self.eq(math.inf)

    def isneginf(self) -> Tensor:
        """Whether each element is -inf."""
        return self.eq(-math.inf)

    def isreal(self) -> Tensor:
        """Whether each element is a real number: here all are."""
        return self.new_ones(self.shape, dtype=dtypes.bool_)
