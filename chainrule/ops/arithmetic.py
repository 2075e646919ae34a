"""Arithmetic of two tensors, element by element, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import DtypeError
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Elementwise(Primitive, abstract=True):
    """The family: equal types in, the broadcast shape out."""

    def shape(*inputs, **params):
        return shapes.broadcast(*inputs)


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
        return np.floor_divide(a, b)


class Remainder(Elementwise):
    """Remainder with the sign of the divisor  y = a - b ⌊a / b⌋, as Python's %."""

    def forward(a, b):
        return np.remainder(a, b)

    def vjp_a(g):
        return g

    def vjp_b(g, a, b):
        return -g * (a // b)


class Fmod(Elementwise):
    """Remainder with the sign of the dividend  y = a - b trunc(a / b)."""

    def forward(a, b):
        return np.fmod(a, b)

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
        return np.power(a, b)

    def vjp_a(g, a, b):
        return (g * b * a ** (b - 1)).masked_fill(b == 0, 0)

    def vjp_b(g, a, b, y):
        return (g * y * a.log()).masked_fill((a == 0) & (b >= 0), 0)


class Maximum(Elementwise):
    """The larger of two  y = max(a, b); a tie shares the cotangent equally."""

    def forward(a, b):
        return np.maximum(a, b)

    def vjp_a(g, a, b):
        return g.where(a > b, (g / 2).where(a == b, 0))

    def vjp_b(g, a, b):
        return g.where(b > a, (g / 2).where(a == b, 0))


class Minimum(Elementwise):
    """The smaller of two  y = min(a, b); a tie shares the cotangent equally."""

    def forward(a, b):
        return np.minimum(a, b)

    def vjp_a(g, a, b):
        return g.where(a < b, (g / 2).where(a == b, 0))

    def vjp_b(g, a, b):
        return g.where(b < a, (g / 2).where(a == b, 0))


class Arctan2(Elementwise):
    """The angle of the point (b, a)  y = atan2(a, b), in radians, -π to π."""

    def forward(a, b):
        return np.arctan2(a, b)

    def vjp_a(g, a, b):
        return g * b / (a * a + b * b)

    def vjp_b(g, a, b):
        return -g * a / (a * a + b * b)


class BitwiseAnd(Elementwise):
    """y = a & b, bit by bit; for booleans the logical and."""

    def forward(a, b):
        return np.bitwise_and(a, b)


class BitwiseOr(Elementwise):
    """y = a | b, bit by bit; for booleans the logical or."""

    def forward(a, b):
        return np.bitwise_or(a, b)


class BitwiseXor(Elementwise):
    """y = a ^ b, bit by bit; for booleans the exclusive or."""

    def forward(a, b):
        return np.bitwise_xor(a, b)


class ShiftLeft(Elementwise):
    """y = a · 2ᵇ on integers."""

    def forward(a, b):
        return np.left_shift(a, b)


class ShiftRight(Elementwise):
    """y = ⌊a / 2ᵇ⌋ on integers."""

    def forward(a, b):
        return np.right_shift(a, b)


class ArithmeticMethods(Methods):
    """What a user calls."""

    def add(self, other: Any, *, alpha: float = 1) -> Tensor:
        """self + alpha · other"""
        return self._apply(Add, *self._promoted(other if alpha == 1 else other * alpha))

    def sub(self, other: Any, *, alpha: float = 1) -> Tensor:
        """self - alpha · other"""
        a, b = self._promoted(other if alpha == 1 else other * alpha)
        if a._cell.array.dtype.kind == "b":
            raise DtypeError("CR202", "booleans cannot be subtracted; use a ^ b or ~a")
        return self._apply(Subtract, a, b)

    def mul(self, other: Any) -> Tensor:
        """self · other"""
        return self._apply(Multiply, *self._promoted(other))

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self / other; rounding_mode "floor" or "trunc" rounds the quotient."""
        if rounding_mode == "floor":
            return self.floor_divide(other)
        a, b = self._promoted(other)
        y = self._apply(Divide, a._floating(), b._floating())
        return y if rounding_mode is None else y.trunc()._cast(a._cell.array.dtype)

    def floor_divide(self, other: Any) -> Tensor:
        """⌊self / other⌋"""
        return self._apply(FloorDivide, *_nonzero_divisor(*self._promoted(other)))

    def remainder(self, other: Any) -> Tensor:
        """self modulo other, with the sign of other."""
        return self._apply(Remainder, *_nonzero_divisor(*self._promoted(other)))

    def fmod(self, other: Any) -> Tensor:
        """self modulo other, with the sign of self."""
        return self._apply(Fmod, *_nonzero_divisor(*self._promoted(other)))

    def pow(self, exponent: Any) -> Tensor:
        """self to the power `exponent`; small whole exponents and roots are exact and fast."""
        if isinstance(exponent, (int, float)):
            if exponent == 1:
                return self.clone()
            if exponent == 2:
                return self * self
            if exponent == 3:
                return self * self * self
            if exponent == 0.5:
                return self.sqrt()
        a, b = self._promoted(exponent)
        return self._apply(Power, a, b)

    def maximum(self, other: Tensor) -> Tensor:
        """The larger of each pair."""
        return self._apply(Maximum, *self._promoted(other))

    def minimum(self, other: Tensor) -> Tensor:
        """The smaller of each pair."""
        return self._apply(Minimum, *self._promoted(other))

    def atan2(self, other: Tensor) -> Tensor:
        """The angle of the point (other, self), in radians."""
        a, b = self._promoted(other)
        return self._apply(Arctan2, a._floating(), b._floating())

    def bitwise_and(self, other: Any) -> Tensor:
        return self._apply(BitwiseAnd, *_integral("&", *self._promoted(other)))

    def bitwise_or(self, other: Any) -> Tensor:
        return self._apply(BitwiseOr, *_integral("|", *self._promoted(other)))

    def bitwise_xor(self, other: Any) -> Tensor:
        return self._apply(BitwiseXor, *_integral("^", *self._promoted(other)))

    def bitwise_left_shift(self, other: Any) -> Tensor:
        return self._apply(ShiftLeft, *_integral("<<", *self._promoted(other)))

    def bitwise_right_shift(self, other: Any) -> Tensor:
        return self._apply(ShiftRight, *_integral(">>", *self._promoted(other)))

    __add__ = __radd__ = add
    __sub__ = sub
    __mul__ = __rmul__ = mul
    __truediv__ = div
    __floordiv__ = floor_divide
    __mod__ = remainder
    __pow__ = pow
    __and__ = __rand__ = bitwise_and
    __or__ = __ror__ = bitwise_or
    __xor__ = __rxor__ = bitwise_xor
    __lshift__ = bitwise_left_shift
    __rshift__ = bitwise_right_shift
    multiply = mul
    subtract = sub
    divide = true_divide = div

    def __rsub__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return self._apply(Subtract, b, a)

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
        return self._apply(Power, b, a)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """Values below `min` become min, those above `max` become max."""
        y: Any = self
        for bound, beyond in ((min, "lt"), (max, "gt")):
            if bound is not None:
                y, limit = y._promoted(bound)
                y = limit.where(getattr(y, beyond)(limit), y)
        return y

    clip = clamp

    def clamp_min(self, min: Any) -> Tensor:
        return self.clamp(min=min)

    def clamp_max(self, max: Any) -> Tensor:
        return self.clamp(max=max)

    def lerp(self, end: Tensor, weight: Any) -> Tensor:
        """Linear interpolation  self + weight · (end - self)."""
        return self + weight * (end - self)

    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
        """self + value · tensor1 · tensor2"""
        return self + value * (tensor1 * tensor2)

    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
        """self + value · tensor1 / tensor2"""
        return self + value * (tensor1 / tensor2)


def _integral(symbol: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if a.is_floating_point():
        raise DtypeError(
            "CR202", f"{symbol} works on booleans and integers, not on {a.dtype} tensors"
        )
    return a, b


def _nonzero_divisor(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Integer division by zero has no answer; floats give inf or nan."""
    held = b._cell.array
    if held.dtype.kind in "iub" and type(held) is np.ndarray and not held.all():
        raise ZeroDivisionError("integer division by zero in a tensor")
    return a, b
