"""Whole numbers near a float.

Where the processor has an instruction (one with fma has), that is used. Elsewhere a sum with
2^fraction drops the fraction of a smaller number, and the halves go to the even number.
"""

from __future__ import annotations

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.floats import (
    FORMATS,
    absolute,
    number,
    with_sign,
)


def round_half_even(e: Emitter, x: Value) -> Value:
    """The nearest whole number, halves to the even one."""
    if e.fused:
        return e.intrinsic("roundeven", x)
    size, limit = absolute(e, x), number(e, x, 2.0 ** FORMATS[x.kind].fraction)
    rounded = with_sign(e, e.subtract(e.add(size, limit), limit), x)
    return e.select(e.compare("olt", size, limit), rounded, x)


def floor(e: Emitter, x: Value) -> Value:
    """The largest whole number ≤ x."""
    return e.intrinsic("floor", x) if e.fused else _corrected(e, x, "ogt", -1.0)


def ceil(e: Emitter, x: Value) -> Value:
    """The smallest whole number ≥ x."""
    return e.intrinsic("ceil", x) if e.fused else _corrected(e, x, "olt", 1.0)


def trunc(e: Emitter, x: Value) -> Value:
    """x without its fraction."""
    if e.fused:
        return e.intrinsic("trunc", x)
    return with_sign(e, floor(e, absolute(e, x)), x)


def _corrected(e: Emitter, x: Value, wrong: str, step: float) -> Value:
    """The nearest whole number, and one step on where that is on the wrong side of x."""
    near = round_half_even(e, x)
    moved = e.add(near, number(e, x, step))
    return with_sign(e, e.select(e.compare(wrong, near, x), moved, near), x)
