"""Quotients rounded down, and remainders.

The remainder of floats is exact: it is found as in long division, from the whole numbers that
hold their digits. For integers forward raises where a divisor is 0, so code is made only for
divisors that are known.
"""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.emitter import FLOATS, Emitter, Value
from chainrule.engines.native.mathematics.floats import FORMATS, bits, from_bits
from chainrule.engines.native.mathematics.outline import outlined
from chainrule.engines.native.mathematics.rounding import floor
from chainrule.engines.native.pointwise.rules import FLOAT, NUMBER, Numbers, letter, rule
from chainrule.ops.arithmetic import FloorDivide, Fmod, Remainder


def _divisor_is_known(dtype: np.dtype, numbers: Numbers) -> bool:
    return letter(dtype) == FLOAT or bool(numbers[-1])


@rule(FloorDivide, NUMBER, 210, _divisor_is_known)
def floor_divide(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    if a.kind in FLOATS:
        return _float_quotient(e, *e.alike(a, b))
    if b.number == -1:
        return e.negate(a)
    quotient = e.binary("udiv" if dtype.kind == "u" else "sdiv", a, b)
    if dtype.kind == "u":
        return quotient
    one, zero = e.constant(a.kind, 1), e.constant(a.kind, 0)
    below = _rounded_up(e, fmod(e, a, b, dtype=dtype), b)
    return e.binary("sub", quotient, e.select(below, one, zero))


@rule(Remainder, NUMBER, 200, _divisor_is_known)
def remainder(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    a, b = e.alike(a, b)
    rest = fmod(e, a, b, dtype=dtype)
    if a.kind in FLOATS:
        rest, _ = _with_sign_of_divisor(e, rest, b)
        return rest
    if dtype.kind == "u":
        return rest
    return e.select(_rounded_up(e, rest, b), e.binary("add", rest, b), rest)


@rule(Fmod, NUMBER, 200, _divisor_is_known)
def fmod(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    if a.kind in FLOATS:
        return float_remainder(e, *e.alike(a, b))
    if b.number == -1:
        return e.constant(a.kind, 0, a.lanes)
    return e.binary("urem" if dtype.kind == "u" else "srem", a, b)


def _rounded_up(e: Emitter, rest: Value, b: Value) -> Value:
    """Whether the quotient, which is rounded towards 0, is the next above the true one."""
    zero = e.constant(rest.kind, 0)
    opposite = e.compare("slt", e.binary("xor", rest, b), zero)
    return e.binary("and", e.compare("ne", rest, zero), opposite)


def _with_sign_of_divisor(e: Emitter, rest: Value, b: Value) -> tuple[Value, Value]:
    """The remainder of Python's %, and whether it is another."""
    zero = e.constant(b.kind, 0.0)
    opposite = e.binary("xor", e.compare("olt", rest, zero), e.compare("olt", b, zero))
    moved = e.binary("and", e.compare("une", rest, zero), opposite)
    signed = e.select(moved, e.add(rest, b), rest)
    exact = e.compare("oeq", rest, zero)
    return e.select(exact, e.intrinsic("copysign", zero, b), signed), moved


def _float_quotient(e: Emitter, a: Value, b: Value) -> Value:
    """⌊a / b⌋ from the remainder, which is exact, so that the quotient is nearly whole."""
    zero, one = e.constant(a.kind, 0.0), e.constant(a.kind, 1.0)
    rest = float_remainder(e, a, b)
    _, moved = _with_sign_of_divisor(e, rest, b)
    quotient = e.divide(e.subtract(a, rest), b)
    quotient = e.select(moved, e.subtract(quotient, one), quotient)
    whole = floor(e, quotient)
    high = e.compare("ogt", e.subtract(quotient, whole), e.constant(a.kind, 0.5))
    whole = e.select(high, e.add(whole, one), whole)
    plain = e.divide(a, b)
    whole = e.select(e.compare("oeq", quotient, zero),
                     e.intrinsic("copysign", zero, plain), whole)  # fmt: skip
    return e.select(e.compare("oeq", b, zero), plain, whole)


@outlined("float", "double")
def float_remainder(e: Emitter, a: Value, b: Value) -> Value:
    """a - b trunc(a / b), exactly; nan if a is infinite, b is 0 or one of them is nan."""
    size, divisor = e.intrinsic("fabs", a), e.intrinsic("fabs", b)
    digits, power = _digits(e, size)
    divisor_digits, divisor_power = _digits(e, divisor)
    one = e.constant("i64", 1)
    divisor_digits = e.select(e.compare("eq", divisor_digits, e.constant("i64", 0)),
                              one, divisor_digits)  # fmt: skip
    rest = _long_division(e, digits, e.binary("sub", power, divisor_power), divisor_digits)
    unit = _power_of_two(e, divisor_power, a.kind)
    scale = e.constant(a.kind, 2.0 ** -FORMATS[a.kind].fraction)
    y = e.multiply(e.multiply(e.convert("sitofp", rest, a.kind), scale), unit)
    y = e.select(e.compare("olt", size, divisor), size, y)
    endless = e.compare("oeq", size, e.constant(a.kind, float("inf")))
    undefined = e.binary("or", endless, e.compare("ueq", b, e.constant(b.kind, 0.0)))
    undefined = e.binary("or", undefined, e.compare("uno", a, a))
    nan = e.constant(a.kind, float("nan"))
    return e.select(undefined, nan, e.intrinsic("copysign", y, a))


def _digits(e: Emitter, size: Value) -> tuple[Value, Value]:
    """m and n ≥ 1 of  m 2ⁿ,  a float without sign in units of half the least number."""
    fraction = FORMATS[size.kind].fraction
    whole = bits(e, size)
    if whole.kind != "i64":
        whole = e.convert("zext", whole, "i64")
    field = e.binary("lshr", whole, e.constant("i64", fraction))
    rest = e.binary("and", whole, e.constant("i64", (1 << fraction) - 1))
    leading = e.compare("ne", field, e.constant("i64", 0))
    one = e.constant("i64", 1)
    digits = e.binary("or", rest, e.constant("i64", 1 << fraction))
    return e.select(leading, digits, rest), e.select(leading, field, one)


def _power_of_two(e: Emitter, field: Value, kind: str) -> Value:
    """The float with this exponent field and no fraction."""
    whole = e.binary("shl", field, e.constant("i64", FORMATS[kind].fraction))
    return from_bits(e, whole if kind == "double" else e.convert("trunc", whole, "i32"))


def _long_division(e: Emitter, digits: Value, power: Value, divisor: Value) -> Value:
    """digits 2^power modulo a divisor: as many bits at a time as 64 leave room for."""
    zero = e.constant("i64", 0)
    room = e.constant("i64", 63 - FORMATS["double"].fraction)
    left = e.slot(e.select(e.compare("sgt", power, zero), power, zero))
    rest = e.slot(e.binary("urem", digits, divisor))
    with e.loop(0, _steps(e, e.get(left), room)):
        remaining = e.get(left)
        taken = e.select(e.compare("slt", remaining, room), remaining, room)
        e.put(rest, e.binary("urem", e.binary("shl", e.get(rest), taken), divisor))
        e.put(left, e.binary("sub", remaining, taken))
    return e.get(rest)


def _steps(e: Emitter, power: Value, room: Value) -> Value:
    """How many steps the largest power of the lanes needs."""
    above = e.binary("sub", room, e.constant("i64", 1))
    return e.binary("udiv", e.binary("add", across(e, "umax", power), above), room)


def across(e: Emitter, operation: str, x: Value) -> Value:
    """`umax`, `or`, … of the integers in all lanes."""
    if x.lanes == 1:
        return x
    return e.call(f"llvm.vector.reduce.{operation}.v{x.lanes}{x.kind}", x.kind, 1, x)
