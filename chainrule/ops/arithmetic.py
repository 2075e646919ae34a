"""Arithmetic of two tensors, element by element, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ArgumentError, DtypeError
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor

FLOAT64 = np.dtype(np.float64)


class Add(Elementwise):
    """Sum  y = a + b."""

    def forward(a, b):
        return np.add(a, b)

    def vjp_a(g):
        return g

    def vjp_b(g):
        return g


class Subtract(Elementwise):
    """Difference  y = a - b."""

    def forward(a, b):
        return np.subtract(a, b)

    def vjp_a(g):
        return g

    def vjp_b(g):
        return -g


class Multiply(Elementwise):
    """Product  y = a b."""

    def forward(a, b):
        return np.multiply(a, b)

    def vjp_a(g, b):
        return g * b

    def vjp_b(g, a):
        return g * a


class Divide(Elementwise):
    """Quotient  y = a / b."""

    def forward(a, b):
        return np.divide(a, b)

    def vjp_a(g, b):
        return g / b

    def vjp_b(g, b, y):
        return -g * y / b


class FloorDivide(Elementwise):
    """Quotient rounded down  y = ⌊a / b⌋; its derivative is zero almost everywhere."""

    def forward(a, b):
        return np.floor_divide(a, _divisor(b))

    def vjp_a(g):
        return g.zeros_like()

    def vjp_b(g):
        return g.zeros_like()


class Remainder(Elementwise):
    """Remainder with the sign of the divisor  y = a - b ⌊a / b⌋, as Python's %."""

    def forward(a, b):
        return np.remainder(a, _divisor(b))

    def vjp_a(g):
        return g

    def vjp_b(g, a, b):
        return -g * (a // b)


class Fmod(Elementwise):
    """Remainder with the sign of the dividend  y = a - b trunc(a / b)."""

    def forward(a, b):
        return np.fmod(a, _divisor(b))

    def vjp_a(g):
        return g

    def vjp_b(g, a, b):
        return -g * (a / b).trunc()


class Power(Elementwise):
    """Power  y = aᵇ.

    Notes: where b = 0 the derivative to a is 0 even at a = 0; where a = 0 and b ≥ 0 the
    derivative to b is 0, its limit from the right.
    """

    def forward(a, b):
        if b.dtype.kind == "i" and b.min(initial=0) < 0:
            raise ArgumentError(
                "CR904",
                f"a whole number to a negative power, {b.min()}, is no whole number; convert "
                "the base first, x.float()",
            )
        return np.power(a, b)

    def vjp_a(g, a, b):
        return (g * b * a ** (b - 1)).masked_fill(b == 0, 0)

    def vjp_b(g, a, b, y):
        return (g * y * a.log()).masked_fill((a == 0) & (b >= 0), 0)


class GreatestDivisor(Elementwise):
    """Greatest common divisor of whole numbers."""

    def forward(a, b):
        return np.gcd(a, b)


class LeastMultiple(Elementwise):
    """Least common multiple of whole numbers."""

    def forward(a, b):
        return np.lcm(a, b)


def _divisor(b: np.ndarray) -> np.ndarray:
    """Checks what integers are divided by: they have no inf or nan to answer with."""
    if b.dtype.kind in "iu" and not b.all():
        raise ArgumentError(
            "CR904",
            f"integer division by zero: the divisor, of shape {b.shape}, holds a 0; convert to "
            "floats, which give inf or nan, or put where(b == 0, 1, b) in its place",
        )
    return b


class ArithmeticMethods(Methods):
    """What a user calls."""

    def add(self, other: Any, *, alpha: float = 1) -> Tensor:
        """self + alpha · other"""
        a, b = self._promoted(other)
        return self._apply(Add, a, b if alpha == 1 else _scaled(b, alpha))

    def sub(self, other: Any, *, alpha: float = 1) -> Tensor:
        """self - alpha · other"""
        _refuse_booleans("-", self, other)
        a, b = self._promoted(other)
        return self._apply(Subtract, a, b if alpha == 1 else _scaled(b, alpha))

    def rsub(self, other: Any) -> Tensor:
        """other - self"""
        _refuse_booleans("-", self, other)
        a, b = self._promoted(other)
        return self._apply(Subtract, b, a)

    def mul(self, other: Any) -> Tensor:
        """self · other"""
        return self._apply(Multiply, *self._promoted(other))

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self / other; rounding_mode "floor" or "trunc" rounds the quotient."""
        if rounding_mode == "floor":
            return self.floor_divide(other)
        a, b = self._promoted(other)
        if rounding_mode is None:
            return self._apply(Divide, a._floating(), b._floating())
        if rounding_mode != "trunc":
            raise ArgumentError(
                "CR902", f'rounding_mode is None, "floor" or "trunc", got {rounding_mode!r}'
            )
        if a.is_floating_point():
            return self._apply(Divide, a, b).trunc()
        return self._apply(FloorDivide, a - a.fmod(b), b)

    def floor_divide(self, other: Any) -> Tensor:
        """⌊self / other⌋"""
        a, b = self._promoted(other)
        _refuse_booleans("//", a, b)
        return self._apply(FloorDivide, a, b)

    def remainder(self, other: Any) -> Tensor:
        """self modulo other, with the sign of other."""
        a, b = self._promoted(other)
        _refuse_booleans("%", a, b)
        return self._apply(Remainder, a, b)

    def fmod(self, other: Any) -> Tensor:
        """self modulo other, with the sign of self."""
        a, b = self._promoted(other)
        _refuse_booleans("fmod()", a, b)
        return self._apply(Fmod, a, b)

    def pow(self, exponent: Any) -> Tensor:
        """self to the power `exponent`; small whole exponents and roots are exact and fast."""
        if isinstance(exponent, (int, float)) and self.is_floating_point():
            if exponent == 1:
                return self.clone()
            if exponent == 2:
                return self * self
            if exponent == 3:
                return self * self * self
            if exponent == 0.5:
                return self.sqrt()
            if exponent == -1:
                return 1 / self
        a, b = self._promoted(exponent)
        _refuse_booleans("**", a, b)
        return self._apply(Power, a, b)

    __add__ = __radd__ = add
    __sub__ = sub
    __rsub__ = rsub
    __mul__ = __rmul__ = mul
    __truediv__ = div
    __floordiv__ = floor_divide
    __mod__ = remainder
    __pow__ = pow
    multiply = mul
    subtract = sub
    divide = true_divide = div

    def __rtruediv__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return self._apply(Divide, b._floating(), a._floating())

    def __rfloordiv__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return b.floor_divide(a)

    def __rmod__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return b.remainder(a)

    def __rpow__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return b.pow(a)

    def float_power(self, exponent: Any) -> Tensor:
        """self to the power `exponent`, computed in float64."""
        base = self._cast(FLOAT64)
        return base.pow(exponent._cast(FLOAT64) if isinstance(exponent, Methods) else exponent)

    def gcd(self, other: Tensor) -> Tensor:
        """The greatest common divisor of each pair of whole numbers.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([12, 0]).gcd(cr.tensor([18, 5]))
            tensor([6, 5])
        """
        return self._apply(GreatestDivisor, *_whole("gcd()", *self._promoted(other)))

    def lcm(self, other: Tensor) -> Tensor:
        """The least common multiple of each pair of whole numbers."""
        return self._apply(LeastMultiple, *_whole("lcm()", *self._promoted(other)))


def _whole(what: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    _refuse_booleans(what, a, b)
    if a.is_floating_point():
        raise DtypeError("CR202", f"{what} is for whole numbers, not for {a.dtype}")
    return a, b


def _scaled(b: Tensor, alpha: float) -> Tensor:
    """alpha · b in the type of b."""
    if isinstance(alpha, float) and not b.is_floating_point():
        raise DtypeError(
            "CR202", f"alpha={alpha} cannot scale {b.dtype} numbers; use a whole one"
        )
    return (b * alpha)._cast(b._cell.array.dtype)


def _refuse_booleans(symbol: str, a: Any, b: Any) -> None:
    if _is_bool(a) or _is_bool(b):
        raise DtypeError(
            "CR202",
            f"{symbol} is not for booleans; use ~a, a & b or a ^ b, or convert, a.int()",
        )


def _is_bool(x: Any) -> bool:
    return isinstance(x, Methods) and x._cell.array.dtype.kind == "b"
