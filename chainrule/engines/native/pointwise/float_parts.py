"""The parts of floating-point numbers: sign, fraction and exponent, and the next number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.dtypes import HALVES
from chainrule.engines.native.emitter import BITS, FLOATS, Emitter, Value
from chainrule.engines.native.mathematics.floats import (
    FORMATS,
    absolute,
    bits,
    from_bits,
    number,
    whole,
)
from chainrule.engines.native.pointwise.kinds import narrow, widen
from chainrule.engines.native.pointwise.rules import FLOAT, rule
from chainrule.ops.floating_point import CopySign, Exponent, Mantissa, NextAfter, SignBit


@rule(SignBit)
def sign_bit(e: Emitter, x: Value, *, dtype: np.dtype) -> Value:
    if dtype.kind in "ub":
        return e.compare("ne", x, x)
    whole = bits(e, x) if x.kind in FLOATS else x
    return e.compare("slt", whole, e.constant(whole.kind, 0))


@rule(CopySign, FLOAT)
def copy_sign(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.intrinsic("copysign", a, b)


@rule(NextAfter, FLOAT, cost=12)
def next_after(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    """The bits of a and one more or less; of float16 and bfloat16, of their own 16."""
    a, b = e.alike(a, b)
    old = narrow(e, a, dtype) if dtype in HALVES else bits(e, a)
    zero, one, minus = number(e, a, 0.0), e.constant(old.kind, 1), e.constant(old.kind, -1)
    upwards, positive = e.compare("ogt", b, a), e.compare("ogt", a, zero)
    outwards = e.compare("eq", upwards, positive)
    moved = e.binary("add", old, e.select(outwards, one, minus))
    below = e.constant(old.kind, 1 - (1 << BITS[old.kind] - 1))  # the negative one next to 0
    moved = e.select(e.compare("oeq", a, zero), e.select(upwards, one, below), moved)
    y = widen(e, moved, dtype) if dtype in HALVES else from_bits(e, moved)
    y = e.select(e.compare("oeq", a, b), b, y)
    return e.select(e.compare("uno", a, b), e.add(a, b), y)


@rule(Mantissa, FLOAT, cost=8)
def mantissa(e: Emitter, x: Value, **_: Any) -> Value:
    """The exponent of ½ in the place of its own."""
    layout = FORMATS[x.kind]
    scaled, _shift = _normal(e, x)
    kept = e.binary("and", bits(e, scaled), whole(e, x, ~(_top(x.kind) << layout.fraction)))
    half = e.binary("or", kept, whole(e, x, layout.bias - 1 << layout.fraction))
    return e.select(_has_exponent(e, x), from_bits(e, half), x)


@rule(Exponent, FLOAT, cost=8)
def exponent(e: Emitter, x: Value, **_: Any) -> Value:
    layout = FORMATS[x.kind]
    scaled, shift = _normal(e, x)
    field = e.binary("lshr", bits(e, absolute(e, scaled)), whole(e, x, layout.fraction))
    y = e.binary("sub", e.binary("sub", field, whole(e, x, layout.bias - 1)), shift)
    y = e.select(_has_exponent(e, x), y, whole(e, x, 0))
    return y if y.kind == "i32" else e.convert("trunc", y, "i32")


def _normal(e: Emitter, x: Value) -> tuple[Value, Value]:
    """x 2ⁿ, which is not denormal, and n."""
    layout = FORMATS[x.kind]
    digits = layout.fraction + 1
    denormal = e.compare("olt", absolute(e, x), number(e, x, layout.smallest))
    scaled = e.select(denormal, e.multiply(x, number(e, x, 2.0**digits)), x)
    return scaled, e.select(denormal, whole(e, x, digits), whole(e, x, 0))


def _has_exponent(e: Emitter, x: Value) -> Value:
    """Whether a number is finite and not 0."""
    finite = e.compare("olt", absolute(e, x), number(e, x, math.inf))
    return e.binary("and", finite, e.compare("one", x, number(e, x, 0.0)))


def _top(kind: str) -> int:
    """The largest exponent field: of inf and nan."""
    return 2 * FORMATS[kind].bias + 1
