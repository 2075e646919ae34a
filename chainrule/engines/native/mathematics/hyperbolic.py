"""Hyperbolic functions and their inverses; tanh stands with the exponential."""

from __future__ import annotations

import math

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.exponential import exp_within, expm1_within
from chainrule.engines.native.mathematics.floats import (
    absolute,
    at_most,
    number,
    with_sign,
)
from chainrule.engines.native.mathematics.logarithm import log1p
from chainrule.engines.native.mathematics.outline import in_double, outlined

LARGEST = 710.6  # beyond, sinh and cosh are infinite
TINY = 2.0**-30  # below, sinh x = asinh x = atanh x = x
HUGE = 2.0**60  # beyond, x² ± 1 = x²


@outlined("float", "double")
@in_double
def sinh(e: Emitter, x: Value) -> Value:
    """y = (eˣ - e⁻ˣ) / 2  =  (u + u / (u + 1)) / 2  with  u = eˣ - 1,  of a quarter of u."""
    size = at_most(e, absolute(e, x), LARGEST)
    quarter = expm1_within(e, size, shift=-2)
    whole = e.fma(quarter, number(e, x, 4.0), number(e, x, 1.0))
    half = e.add(quarter, e.divide(quarter, whole))
    return _or_itself(e, x, with_sign(e, e.add(half, half), x))


@outlined("float", "double")
@in_double
def cosh(e: Emitter, x: Value) -> Value:
    """y = (eˣ + e⁻ˣ) / 2,  of a quarter of eˣ, which does not overflow before y."""
    quarter = exp_within(e, at_most(e, absolute(e, x), LARGEST), shift=-2)
    half = e.add(quarter, e.divide(number(e, x, 1 / 16), quarter))
    return e.add(half, half)


@outlined("float", "double")
@in_double
def asinh(e: Emitter, x: Value) -> Value:
    """y = ln(x + √(x² + 1))  =  ln(1 + x + x² / (1 + √(x² + 1)))"""
    size = absolute(e, x)
    one = number(e, x, 1.0)
    square = e.multiply(size, size)
    root = e.intrinsic("sqrt", e.add(square, one))
    rest = e.add(size, e.divide(square, e.add(root, one)))
    return _or_itself(e, x, with_sign(e, _log_of_one_and(e, rest, size), x))


@outlined("float", "double")
@in_double
def acosh(e: Emitter, x: Value) -> Value:
    """y = ln(x + √(x² - 1))  =  ln(1 + u + √(2u + u²))  with  u = x - 1."""
    one = number(e, x, 1.0)
    u = e.subtract(x, one)
    root = e.intrinsic("sqrt", e.fma(u, u, e.add(u, u)))
    y = _log_of_one_and(e, e.add(u, root), x)
    return e.select(e.compare("olt", x, one), number(e, x, math.nan), y)


@outlined("float", "double")
@in_double
def atanh(e: Emitter, x: Value) -> Value:
    """y = ½ ln((1 + x) / (1 - x))  =  ½ ln(1 + 2x / (1 - x))"""
    size = absolute(e, x)
    quotient = e.divide(e.add(size, size), e.subtract(number(e, x, 1.0), size))
    half = e.multiply(log1p(e, quotient), number(e, x, 0.5))
    return _or_itself(e, x, with_sign(e, half, x))


def _log_of_one_and(e: Emitter, rest: Value, x: Value) -> Value:
    """ln(1 + rest), but ln 2x where x is so large that its square might overflow."""
    huge = e.compare("ogt", x, number(e, x, HUGE))
    y = log1p(e, e.select(huge, x, rest))
    return e.add(y, e.select(huge, number(e, x, math.log(2)), number(e, x, 0.0)))


def _or_itself(e: Emitter, x: Value, y: Value) -> Value:
    """x where it is so small that the function is x."""
    return e.select(e.compare("olt", absolute(e, x), number(e, x, TINY)), x, y)
