"""The exponential function and what is made of it.

x = n ln 2 + r  with a whole number n and |r| ≤ ½ ln 2, so that  eˣ = 2ⁿ eʳ.  The product n ln 2
is taken in two parts, the first of so few bits that it is exact without fma.

Source: W. J. Cody and W. Waite 1980, "Software Manual for the Elementary Functions", ch. 6. The
coefficients were fitted by Remez' exchange, in 50 digits, to the least largest error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.floats import (
    FORMATS,
    absolute,
    at_least,
    at_most,
    nearest,
    number,
    polynomial,
    power_of_two,
    scaled,
    whole,
    with_sign,
)
from chainrule.engines.native.mathematics.outline import outlined

# (eʳ - 1 - r) / r²  for |r| ≤ ½ ln 2, with the error relative to eʳ - 1:
# degree 4, 1.3e-8 (float); degree 10, 2.6e-19 (double).
GROWTH = {
    "float": (0.001388228, 0.008366579, 0.041667208, 0.16666543, 0.49999997),
    "double": (
        2.087535012365793e-09, 2.510908188854242e-08, 2.755740287021099e-07,
        2.7557244102800367e-06, 2.4801587171923654e-05, 0.00019841269886209265,
        0.0013888888888962862, 0.008333333333321606, 0.041666666666666505,
        0.16666666666666677, 0.5,
    ),
}  # fmt: skip
# The same in float64 to the precision of float32: degree 5; error 5.3e-11 of eʳ.
GROWTH_TO_SINGLE = (
    0.0001978975575303275, 0.0013944754151968646, 0.008333498786417828,
    0.04166629376715607, 0.16666665858307342, 0.5000000067945144,
)  # fmt: skip
LN2 = {  # the first of few bits
    "float": (0.693359375, -2.1219444005469057e-4),
    "double": (0.6931471803691238, 1.9082149292705877e-10),
}
LARGEST = {"float": 89.0, "double": 710.0}  # beyond, eˣ is infinite
LOWEST = {"float": -104.0, "double": -746.0}  # below, eˣ is zero
FLAT = {"float": 10.0, "double": 20.0}  # beyond, tanh is 1
VANISHED = {"float": -20.0, "double": -40.0}  # below, eˣ - 1 is -1


def _parts(e: Emitter, x: Value) -> tuple[Value, Value]:
    """n, in the lowest bits of a word, and r."""
    count, word = nearest(e, x, 1 / math.log(2))
    high, low = LN2[x.kind]
    rest = e.fma(count, number(e, x, -high), x)
    return word, e.fma(count, number(e, x, -low), rest)


def exp_within(e: Emitter, x: Value, *, low: Value | None = None, shift: int = 0) -> Value:
    """2^shift exp(x + low)  for an x within the limits (and somewhat beyond), low ≪ x."""
    word, rest = _parts(e, x)
    rest = rest if low is None else e.add(rest, low)
    exponent = e.binary("add", word, whole(e, x, shift)) if shift else word
    return scaled(e, _growth(e, rest, GROWTH[x.kind]), exponent)


def exp_to_single(e: Emitter, x: Value) -> Value:
    """eˣ of float64, right once it is rounded to float32."""
    word, rest = _parts(e, at_least(e, at_most(e, x, LARGEST["float"]), LOWEST["float"]))
    return e.multiply(_growth(e, rest, GROWTH_TO_SINGLE), power_of_two(e, word))


def _growth(e: Emitter, rest: Value, coefficients: Sequence[float]) -> Value:
    """eʳ"""
    one = number(e, rest, 1.0)
    inner = e.fma(polynomial(e, rest, coefficients), rest, one)
    return e.fma(inner, rest, one)


def expm1_within(e: Emitter, x: Value, *, shift: int = 0) -> Value:
    """2^shift (eˣ - 1)  =  2ᵐ (eʳ - 1) + (2ᵐ - 2^shift),  m = n + shift,  within the limits."""
    word, rest = _parts(e, x)
    growth = e.fma(e.multiply(rest, rest), polynomial(e, rest, GROWTH[x.kind]), rest)
    exponent = e.binary("add", word, whole(e, x, shift)) if shift else word
    power = power_of_two(e, exponent)
    return e.fma(power, growth, e.subtract(power, number(e, x, 2.0**shift)))


@outlined("double")
def exp(e: Emitter, x: Value) -> Value:
    """y = eˣ"""
    return exp_within(e, at_least(e, at_most(e, x, LARGEST[x.kind]), LOWEST[x.kind]))


@outlined("double")
def exp2(e: Emitter, x: Value) -> Value:
    """y = 2ˣ"""
    top = float(FORMATS[x.kind].bias + 1)
    x = at_least(e, at_most(e, x, top), 1.0 - top - FORMATS[x.kind].fraction - 2)
    count, word = nearest(e, x, 1.0)
    rest = e.multiply(e.subtract(x, count), number(e, x, math.log(2)))
    return scaled(e, _growth(e, rest, GROWTH[x.kind]), word)


@outlined("double")
def expm1(e: Emitter, x: Value) -> Value:
    """y = eˣ - 1, accurate near 0."""
    within = at_least(e, at_most(e, x, LARGEST[x.kind]), VANISHED[x.kind])
    half = expm1_within(e, within, shift=-1)
    tiny = e.compare("olt", absolute(e, x), number(e, x, 2.0**-60))
    return e.select(tiny, x, e.add(half, half))


@outlined("double")
def sigmoid(e: Emitter, x: Value) -> Value:
    """y = 1 / (1 + e⁻ˣ)  =  eˣ / (1 + eˣ),  whichever has e to a negative power."""
    power = exp_within(e, at_least(e, e.negate(absolute(e, x)), LOWEST[x.kind]))
    one = number(e, x, 1.0)
    above = e.select(e.compare("olt", x, number(e, x, 0.0)), power, one)
    return e.divide(above, e.add(power, one))


@outlined("double")
def tanh(e: Emitter, x: Value) -> Value:
    """y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)  =  -u / (u + 2)  with  u = exp(-2 |x|) - 1."""
    size = at_most(e, absolute(e, x), FLAT[x.kind])
    growth = expm1_within(e, e.multiply(size, number(e, x, -2.0)))
    return with_sign(e, e.divide(growth, e.add(growth, number(e, x, 2.0))), x)
