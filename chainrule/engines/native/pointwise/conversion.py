"""The same value in another element type."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.engines.native.emitter import BITS, FLOATS, Emitter, Value
from chainrule.engines.native.mathematics.floats import bits, from_bits
from chainrule.engines.native.pointwise.kinds import FLOAT16, SIGN, computed
from chainrule.engines.native.pointwise.rules import rule
from chainrule.ops.conversion import Convert


@rule(Convert, cost=2)
def convert(e: Emitter, x: Value, *, dtype: np.dtype, to: np.dtype, **_: Any) -> Value:
    """To float16 and bfloat16: a float32 that the caller rounds."""
    kind = computed(to)
    if kind == "i1":
        return e.compare("une" if x.kind in FLOATS else "ne", x, e.constant(x.kind, 0))
    if x.kind not in FLOATS:
        return _from_whole(e, x, kind, signed=dtype.kind == "i")
    if kind not in FLOATS:
        return _to_whole(e, x, kind)
    if x.kind == "double" and to == FLOAT16:
        return _to_odd(e, x)
    return x if kind == x.kind else e.convert(_by_width("fptrunc", "fpext", x, kind), x, kind)


def _from_whole(e: Emitter, x: Value, kind: str, signed: bool) -> Value:
    if kind in FLOATS:
        return e.convert("sitofp" if signed else "uitofp", x, kind)
    if kind == x.kind:
        return x
    return e.convert(_by_width("trunc", "sext" if signed else "zext", x, kind), x, kind)


def _by_width(narrower: str, wider: str, x: Value, kind: str) -> str:
    return narrower if BITS[kind] < BITS[x.kind] else wider


def _to_whole(e: Emitter, x: Value, kind: str) -> Value:
    """Without the fraction; what 32 bits (or 64, of int64) do not hold gives their least
    number, whose lower bits a smaller type takes."""
    wide = "i64" if kind == "i64" else "i32"
    limit = 2 ** (BITS[wide] - 1)
    held = e.compare("olt", e.intrinsic("fabs", x), e.constant(x.kind, float(limit)))
    whole = e.select(held, e.convert("fptosi", x, wide), e.constant(wide, -limit))
    return whole if kind == wide else e.convert("trunc", whole, kind)


def _to_odd(e: Emitter, x: Value) -> Value:
    """A float64 as float32, an inexact one with an odd last bit: rounding again, to fewer
    bits, then gives what rounding once would."""
    size = e.intrinsic("fabs", x)
    near = e.convert("fptrunc", size, "float")
    excess = e.convert("fpext", near, "double")
    whole = bits(e, near)
    below = e.select(e.compare("ogt", excess, size),
                     e.subtract(whole, e.constant("i32", 1)), whole)  # fmt: skip
    odd = e.select(e.compare("one", excess, size),
                   e.binary("or", below, e.constant("i32", 1)), below)  # fmt: skip
    upper = e.convert("trunc", e.binary("lshr", bits(e, x), e.constant("i64", 32)), "i32")
    sign = e.binary("and", upper, e.constant("i32", SIGN))
    return from_bits(e, e.binary("or", odd, sign))
