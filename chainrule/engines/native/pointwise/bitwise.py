"""The bits of integers; on booleans the logical operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.engines.native.emitter import BITS as WIDTHS
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.pointwise.rules import BITS, WHOLE, rule
from chainrule.ops.bitwise import (
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    Not,
    ShiftLeft,
    ShiftRight,
)


@rule(BitwiseAnd, BITS)
def bitwise_and(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.binary("and", a, b)


@rule(BitwiseOr, BITS)
def bitwise_or(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.binary("or", a, b)


@rule(BitwiseXor, BITS)
def bitwise_xor(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.binary("xor", a, b)


@rule(Not, BITS)
def invert(e: Emitter, x: Value, **_: Any) -> Value:
    return e.binary("xor", x, e.constant(x.kind, -1))


@rule(ShiftLeft, WHOLE)
def shift_left(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    """0 where all bits leave, or b is negative."""
    return e.select(_within(e, b), e.binary("shl", a, b), e.constant(a.kind, 0))


@rule(ShiftRight, WHOLE)
def shift_right(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    """Where all bits leave, or b is negative, the sign is left."""
    if dtype.kind == "u":
        return e.select(_within(e, b), e.binary("lshr", a, b), e.constant(a.kind, 0))
    most = e.constant(b.kind, WIDTHS[b.kind] - 1)
    return e.binary("ashr", a, e.select(_within(e, b), b, most))


def _within(e: Emitter, b: Value) -> Value:
    """Whether a shift by b leaves bits; others have no defined value in LLVM."""
    return e.compare("ult", b, e.constant(b.kind, WIDTHS[b.kind]))
