"""Logarithms.

x = 2ᵏ (1 + f)  with a whole number k and  √½ ≤ 1 + f < √2,  so that  ln x = k ln 2 + ln(1 + f).
In float64 ln(1 + f) is a series in  s = f / (2 + f),  ln((1 + s) / (1 - s)) = 2s + ⅔ s³ + …

Source: the reduction as in W. J. Cody and W. Waite 1980, "Software Manual for the Elementary
Functions", ch. 5. The coefficients were fitted by Remez' exchange, in 50 digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.double_words import two_sum
from chainrule.engines.native.mathematics.exponential import LN2
from chainrule.engines.native.mathematics.floats import (
    FORMATS,
    absolute,
    bits,
    from_bits,
    number,
    polynomial,
    power_of_two,
    whole,
)
from chainrule.engines.native.mathematics.outline import outlined

# (ln(1 + f) - f + f²/2) / f³,  degree 7; error 5.9e-9 of ln(1 + f).
SINGLE = (
    -0.07634372, 0.12765414, -0.13162005, 0.14201371, -0.16623145, 0.20001236,
    -0.25000826, 0.3333333,
)  # fmt: skip
# (ln(1 + f) / s - 2) / s²  in s², degree 6; error 1.2e-18 of ln(1 + f).
DOUBLE = (
    0.14797508218137082, 0.15313903211891272, 0.18183569740495178, 0.22222198475988242,
    0.2857142874326243, 0.39999999999411096, 0.6666666666666735,
)  # fmt: skip
# The same to the precision of float32: degree 3; error 4.8e-12.
TO_SINGLE = (
    0.23583552270685984, 0.2853724119426761, 0.40000336126434727, 0.6666666564200042,
)  # fmt: skip
ROOT_HALF = {"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}  # the bits of √½
LOG10_2 = {  # the first of few bits
    "float": (0.301025390625, 4.605038981195214e-06),
    "double": (0.301029995663157, 8.241712586023572e-13),
}


def parts(e: Emitter, x: Value) -> tuple[Value, Value, Value]:
    """k as a float, k in the lowest bits of a word, and 1 + f, of a positive normal number."""
    layout = FORMATS[x.kind]
    offset = layout.bias + 1  # keeps the word positive
    root = ROOT_HALF[x.kind]
    above = e.binary("add", bits(e, x), whole(e, x, (offset << layout.fraction) - root))
    word = e.binary("lshr", above, whole(e, x, layout.fraction))
    mask = (1 << layout.fraction) - 1
    fraction = e.binary("and", above, whole(e, x, mask))
    part = from_bits(e, e.binary("add", fraction, whole(e, x, root)))
    return _as_float(e, word, x, offset), e.binary("sub", word, whole(e, x, offset)), part


def _as_float(e: Emitter, word: Value, x: Value, offset: int) -> Value:
    """A small positive whole number less an offset."""
    shift = FORMATS[x.kind].round
    start = e.binary("add", word, bits(e, number(e, x, shift)))
    return e.subtract(from_bits(e, start), number(e, x, shift + offset))


def normal(e: Emitter, x: Value) -> tuple[Value, Value]:
    """x, multiplied by 2^fraction where it is denormal; and the exponent to take back."""
    layout = FORMATS[x.kind]
    tiny = e.compare("olt", x, number(e, x, layout.smallest))
    larger = e.multiply(x, number(e, x, 2.0**layout.fraction))
    zero, back = number(e, x, 0.0), number(e, x, -float(layout.fraction))
    return e.select(tiny, larger, x), e.select(tiny, back, zero)


def _near_one(e: Emitter, f: Value) -> Value:
    """ln(1 + f) for √½ ≤ 1 + f < √2."""
    if f.kind == "float":
        square = e.multiply(f, f)
        inner = e.fma(polynomial(e, f, SINGLE), f, number(e, f, -0.5))
        return e.fma(square, inner, f)
    return _series(e, f, DOUBLE)


def _series(e: Emitter, f: Value, coefficients: Sequence[float]) -> Value:
    """ln(1 + f)  =  f - (½ f² - s (½ f² + s² P(s²)))"""
    s = e.divide(f, e.add(f, number(e, f, 2.0)))
    z = e.multiply(s, s)
    half = e.multiply(e.multiply(f, f), number(e, f, 0.5))
    inner = e.fma(z, polynomial(e, z, coefficients), half)
    return e.subtract(f, e.subtract(half, e.multiply(s, inner)))


def _limits(e: Emitter, x: Value, y: Value) -> Value:
    """The logarithm where x is 0, negative, infinite or nan; else y."""
    zero, infinity = number(e, x, 0.0), number(e, x, math.inf)
    y = e.select(e.compare("oeq", x, zero), number(e, x, -math.inf), y)
    y = e.select(e.compare("olt", x, zero), number(e, x, math.nan), y)
    return e.select(e.compare("olt", x, infinity), y, x)


def _split(e: Emitter, x: Value) -> tuple[Value, Value]:
    """k and ln(1 + f) of a positive number."""
    large, back = normal(e, x)
    power, _, part = parts(e, large)
    return e.add(power, back), _near_one(e, e.subtract(part, number(e, x, 1.0)))


def _joined(e: Emitter, power: Value, small: Value, scale: tuple[float, float]) -> Value:
    """k · scale + small, the scale being in two parts."""
    high, low = scale
    inner = e.fma(power, number(e, small, low), small)
    return e.fma(power, number(e, small, high), inner)


def log_to_single(e: Emitter, x: Value) -> Value:
    """ln x of a positive normal float64, with an error of 5e-12 of it."""
    power, _, part = parts(e, x)
    small = _series(e, e.subtract(part, number(e, x, 1.0)), TO_SINGLE)
    return e.fma(power, number(e, x, math.log(2)), small)


@outlined("double")
def log(e: Emitter, x: Value) -> Value:
    """y = ln x"""
    power, small = _split(e, x)
    return _limits(e, x, _joined(e, power, small, LN2[x.kind]))


@outlined("double")
def log2(e: Emitter, x: Value) -> Value:
    """y = ln x / ln 2"""
    power, small = _split(e, x)
    return _limits(e, x, e.fma(small, number(e, x, 1 / math.log(2)), power))


@outlined("double")
def log10(e: Emitter, x: Value) -> Value:
    """y = ln x / ln 10"""
    power, small = _split(e, x)
    small = e.multiply(small, number(e, x, 1 / math.log(10)))
    return _limits(e, x, _joined(e, power, small, LOG10_2[x.kind]))


@outlined("double")
def log1p(e: Emitter, x: Value) -> Value:
    """y = ln(1 + x), accurate near 0: what rounding 1 + x lost is added to f."""
    layout = FORMATS[x.kind]
    one = number(e, x, 1.0)
    total, lost = two_sum(e, one, x)
    power, word, part = parts(e, total)
    inverse = power_of_two(e, e.binary("sub", whole(e, x, 0), word))
    large = e.compare("ogt", x, number(e, x, 2.0 ** (layout.fraction + 2)))
    lost = e.select(large, number(e, x, 0.0), e.multiply(lost, inverse))
    small = _near_one(e, e.add(e.subtract(part, one), lost))
    y = _limits(e, total, _joined(e, power, small, LN2[x.kind]))
    tiny = e.compare("olt", absolute(e, x), number(e, x, 2.0 ** (-layout.fraction - 2)))
    return e.select(tiny, x, y)
