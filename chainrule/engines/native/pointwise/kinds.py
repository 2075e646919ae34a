"""Element types as LLVM has them, and the two halves of float32.

float16 and bfloat16 are stored as 16 bits, an i16 to LLVM, and computed as float. Every
processor with fma has instructions between float16 and float; all else is written with integer
operations. Rounding is to nearest, ties to even.
"""

from __future__ import annotations

import numpy as np

from chainrule.dtypes import BFLOAT16, HALVES
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.floats import bits, from_bits

FLOAT16 = np.dtype(np.float16)

#: element type → how it lies in memory; booleans take a byte there
KINDS: dict[np.dtype, str] = {
    np.dtype(np.bool_): "i1", np.dtype(np.uint8): "i8", np.dtype(np.int8): "i8",
    np.dtype(np.int16): "i16", np.dtype(np.int32): "i32", np.dtype(np.int64): "i64",
    FLOAT16: "i16", BFLOAT16: "i16",
    np.dtype(np.float32): "float", np.dtype(np.float64): "double",
}  # fmt: skip

INFINITY = 0x7F800000  # the bits of float32's
QUIET_NAN = 0x7FC00000
SIGN, SIZE = -0x80000000, 0x7FFFFFFF  # a float32's sign, and all else


def computed(dtype: np.dtype) -> str:
    """The kind of a value in a computation: float for both halves."""
    return "float" if dtype in HALVES else KINDS[dtype]


def widen(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """float16 or bfloat16 as float32; other types as they are."""
    if dtype == BFLOAT16:
        upper = e.convert("zext", value, "i32")
        return from_bits(e, e.binary("shl", upper, _whole(e, 16)))
    if dtype != FLOAT16:
        return value
    if not e.fused:
        return _from_half(e, value)
    return e.convert("fpext", e.convert("bitcast", value, "half"), "float")


def narrow(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """float32 rounded to float16 or bfloat16; other types as they are."""
    if dtype == BFLOAT16:
        upper = e.binary("lshr", bits(e, rounded(e, value, dtype)), _whole(e, 16))
        return e.convert("trunc", upper, "i16")
    if dtype != FLOAT16:
        return value
    if not e.fused:
        return _to_half(e, value)
    return e.convert("bitcast", e.convert("fptrunc", value, "half"), "i16")


def rounded(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """A float32 with the precision of float16 or bfloat16; other types as they are."""
    if dtype != BFLOAT16:
        return widen(e, narrow(e, value, dtype), dtype)
    kept = e.binary("and", _half_up(e, bits(e, value), 16), _whole(e, -0x10000))
    nan = e.compare("uno", value, value)
    return from_bits(e, e.select(nan, _whole(e, QUIET_NAN), kept))


def _whole(e: Emitter, number: int) -> Value:
    return e.constant("i32", number)


def _half_up(e: Emitter, whole: Value, cut: int) -> Value:
    """Bits with half of the last one kept added, so that cutting rounds, ties to even."""
    last = e.binary("and", e.binary("lshr", whole, _whole(e, cut)), _whole(e, 1))
    return e.binary("add", e.binary("add", whole, _whole(e, (1 << cut - 1) - 1)), last)


def _from_half(e: Emitter, value: Value) -> Value:
    """Exponents are 112 apart; a product with 2¹¹² moves those of denormal numbers too."""
    whole = e.convert("sext", value, "i32")
    size = e.binary("shl", e.binary("and", whole, _whole(e, 0x7FFF)), _whole(e, 13))
    moved = e.multiply(from_bits(e, size), e.constant("float", 2.0**112))
    endless = e.compare("uge", size, _whole(e, 0x7C00 << 13))
    finite, other = bits(e, moved), e.binary("or", size, _whole(e, INFINITY))
    sign = e.binary("and", whole, _whole(e, SIGN))
    return from_bits(e, e.binary("or", e.select(endless, other, finite), sign))


def _to_half(e: Emitter, value: Value) -> Value:
    """Below 2⁻¹⁴ a sum with ½ rounds to float16's steps there, which are those of [½, 1)."""
    whole = bits(e, value)
    size = e.binary("and", whole, _whole(e, SIZE))
    moved = e.binary("add", _half_up(e, size, 13), _whole(e, -112 << 23))
    normal = e.binary("lshr", moved, _whole(e, 13))
    half = e.constant("float", 0.5)
    small = e.subtract(bits(e, e.add(from_bits(e, size), half)),
                       _whole(e, 0x3F000000))  # fmt: skip
    y = e.select(e.compare("ult", size, _whole(e, 113 << 23)), small, normal)
    y = e.select(e.compare("uge", size, _whole(e, 0x477FF000)), _whole(e, 0x7C00), y)
    y = e.select(e.compare("ugt", size, _whole(e, INFINITY)), _whole(e, 0x7E00), y)
    sign = e.binary("lshr", e.binary("and", whole, _whole(e, SIGN)), _whole(e, 16))
    return e.convert("trunc", e.binary("or", y, sign), "i16")
