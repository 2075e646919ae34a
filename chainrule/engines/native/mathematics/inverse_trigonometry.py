"""Inverses of sine, cosine and tangent.

atan:  x beyond tan ⅜π is -1/x turned by ½π, x beyond tan ⅛π is (x - 1)/(x + 1) turned by ¼π.
asin:  beyond ½,  asin x = ½π - 2 asin √((1 - x)/2).

Source: the coefficients were fitted by Remez' exchange, in 50 digits.
"""

from __future__ import annotations

import math

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.floats import (
    absolute,
    bits,
    number,
    polynomial,
    whole,
    with_sign,
)
from chainrule.engines.native.mathematics.outline import in_double, outlined

# (atan r / r - 1) / r²  in r²,  r ≤ tan ⅛π, degree 10; error 1.3e-18.
ARCTANGENT = (
    -0.017907421385885428, 0.03806502847513239, -0.05039333846166893,
    0.05847898093513282, -0.06663105557269285, 0.07692060371278223, -0.0909089776765088,
    0.11111110783835973, -0.14285714280204492, 0.1999999999995367, -0.333333333333332,
)  # fmt: skip
# (asin r / r - 1) / r²  in r²,  r ≤ ½, degree 12; error 9.8e-19.
ARCSINE = (
    0.03267700962764678, -0.021077475716315366, 0.021763622296144817,
    0.003682994294397224, 0.010786540864692964, 0.011397774024317766,
    0.013980961675259926, 0.017351600074236192, 0.02237221566125029,
    0.030381942683583147, 0.044642857175121564, 0.07499999999970261,
    0.16666666666666763,
)  # fmt: skip
PI_LOW = 1.2246467991473532e-16  # π less its rounding


@outlined("float", "double")
@in_double
def atan(e: Emitter, x: Value) -> Value:
    """y = arctan x, in radians."""
    return with_sign(e, _arctangent(e, absolute(e, x)), x)


@outlined("float", "double")
@in_double
def atan2(e: Emitter, a: Value, b: Value) -> Value:
    """The angle of the point (b, a), in radians, -π to π."""
    height, width = absolute(e, a), absolute(e, b)
    zero, one, infinity = (number(e, a, value) for value in (0.0, 1.0, math.inf))
    ratio = e.divide(height, width)
    both_zero = e.compare("oeq", e.add(height, width), zero)
    ratio = e.select(both_zero, zero, ratio)
    high, wide = (e.compare("oeq", size, infinity) for size in (height, width))
    both_infinite = e.binary("and", high, wide)
    angle = _arctangent(e, e.select(both_infinite, one, ratio))
    behind = e.subtract(number(e, a, math.pi), e.subtract(angle, number(e, a, PI_LOW)))
    left = e.compare("slt", bits(e, b), whole(e, b, 0))
    return with_sign(e, e.select(left, behind, angle), a)


@outlined("float", "double")
@in_double
def asin(e: Emitter, x: Value) -> Value:
    """y = arcsin x, in radians."""
    part, outer = _arcsine(e, absolute(e, x))
    twice = e.subtract(e.add(part, part), number(e, x, PI_LOW / 2))
    beyond = e.subtract(number(e, x, math.pi / 2), twice)
    return with_sign(e, e.select(outer, beyond, part), x)


@outlined("float", "double")
@in_double
def acos(e: Emitter, x: Value) -> Value:
    """y = arccos x, in radians."""
    part, outer = _arcsine(e, absolute(e, x))
    twice = e.add(part, part)
    behind = e.subtract(number(e, x, math.pi), e.subtract(twice, number(e, x, PI_LOW)))
    negative = e.compare("olt", x, number(e, x, 0.0))
    beyond = e.select(negative, behind, twice)
    signed = e.subtract(with_sign(e, part, x), number(e, x, PI_LOW / 2))
    inner = e.subtract(number(e, x, math.pi / 2), signed)
    return e.select(outer, beyond, inner)


def _arctangent(e: Emitter, x: Value) -> Value:
    """arctan x for x ≥ 0."""
    one = number(e, x, 1.0)
    far = e.compare("ogt", x, number(e, x, math.tan(math.pi * 3 / 8)))
    middle = e.compare("ogt", x, number(e, x, math.tan(math.pi / 8)))
    above = e.select(middle, e.subtract(x, one), x)
    below = e.select(middle, e.add(x, one), one)
    above = e.select(far, number(e, x, -1.0), above)
    quotient = e.divide(above, e.select(far, x, below))
    square = e.multiply(quotient, quotient)
    inner = e.multiply(e.multiply(quotient, square), polynomial(e, square, ARCTANGENT))

    def turned(angle: float) -> Value:
        zero = number(e, x, 0.0)
        quarter = e.select(middle, number(e, x, angle / 2), zero)
        return e.select(far, number(e, x, angle), quarter)

    small = e.add(quotient, e.add(inner, turned(PI_LOW / 2)))
    return e.add(turned(math.pi / 2), small)


def _arcsine(e: Emitter, x: Value) -> tuple[Value, Value]:
    """arcsin x where x ≤ ½, else arcsin √((1 - x)/2); and where that is."""
    half = number(e, x, 0.5)
    outer = e.compare("ogt", x, half)
    rest = e.multiply(e.subtract(number(e, x, 1.0), x), half)
    square = e.select(outer, rest, e.multiply(x, x))
    root = e.select(outer, e.intrinsic("sqrt", rest), x)
    part = e.fma(e.multiply(root, square), polynomial(e, square, ARCSINE), root)
    return part, outer
