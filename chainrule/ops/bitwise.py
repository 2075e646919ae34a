"""Operations on the bits of integers; on booleans they are the logical ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DtypeError
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


BOOL = np.dtype(np.bool_)


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


class Not(Elementwise):
    """Every bit turned over; for booleans the logical not."""

    def forward(x):
        return np.invert(x)


class BitwiseMethods(Methods):
    """What a user calls."""

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

    def bitwise_not(self) -> Tensor:
        (x,) = _integral("~", self)
        return self._apply(Not, x)

    __and__ = __rand__ = bitwise_and
    __or__ = __ror__ = bitwise_or
    __xor__ = __rxor__ = bitwise_xor
    __lshift__ = bitwise_left_shift
    __rshift__ = bitwise_right_shift
    __invert__ = bitwise_not

    def __rlshift__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return b.bitwise_left_shift(a)

    def __rrshift__(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return b.bitwise_right_shift(a)

    def logical_not(self) -> Tensor:
        return self._apply(Not, self._cast(BOOL))

    def logical_and(self, other: Tensor) -> Tensor:
        return self._apply(BitwiseAnd, self._cast(BOOL), other._cast(BOOL))

    def logical_or(self, other: Tensor) -> Tensor:
        return self._apply(BitwiseOr, self._cast(BOOL), other._cast(BOOL))

    def logical_xor(self, other: Tensor) -> Tensor:
        return self._apply(BitwiseXor, self._cast(BOOL), other._cast(BOOL))


def _integral(symbol: str, *operands: Any) -> tuple[Any, ...]:
    if operands[0].is_floating_point():
        raise DtypeError(
            "CR202",
            f"{symbol} works on booleans and integers, not on {operands[0].dtype} tensors",
        )
    return operands
