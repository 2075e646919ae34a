"""The error function  erf x = 2/√π ∫₀ˣ exp(-t²) dt,  its complement and its inverse.

float32:  x + x P(x²) to 1, and beyond  1 - P(|x| - 2.4).
float64:  x + x P(x²) to ¾, and beyond  1 - erfc x;
          erfc x = exp(-x²) / (1 + 2x) · P((x - 3) / (x + 3)),  x² being taken exactly.
The inverse is a polynomial in x² in the middle and in  √-ln(1 - |x|)  outside, improved by one
step of Halley's iteration.

Source: the variable (x - 3)/(x + 3) after M. M. Shepherd and J. G. Laframboise 1981, "Chebyshev
approximation of (1 + 2x) exp(x²) erfc x", Mathematics of Computation 36. The coefficients were
fitted by Remez' exchange, in 50 digits.
"""

from __future__ import annotations

import math

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.double_words import two_product
from chainrule.engines.native.mathematics.exponential import exp_within
from chainrule.engines.native.mathematics.floats import (
    absolute,
    at_least,
    at_most,
    number,
    polynomial,
    with_sign,
)
from chainrule.engines.native.mathematics.logarithm import log
from chainrule.engines.native.mathematics.outline import in_double, outlined

# erf √z / √z - 1:  z ≤ 1, degree 6, error 1.3e-9 of erf;  z ≤ 9/16, degree 10, error 8.1e-19.
NEAR_SINGLE = (
    7.853923e-05, -0.00080102246, 0.005188333, -0.026853817, 0.112835854, -0.37612626,
    0.12837917,
)  # fmt: skip
NEAR_DOUBLE = (
    1.1475390286880089e-08, -1.5940880162929655e-07, 1.6430781438639016e-06,
    -1.492420274493847e-05, 0.00012055289825189862, -0.0008548326195140227,
    0.005223977615516733, -0.026866170644436815, 0.11283791670952632,
    -0.37612638903183715, 0.1283791670955126,
)  # fmt: skip
# 1 - erf(2.4 + u)  for 1 ≤ 2.4 + u ≤ 3.92, degree 12; error 3e-8.
FAR_SINGLE = (
    9.124501e-06, -3.1990046e-05, -3.2719643e-05, 0.00032720726, -0.00056144514,
    -0.00023409922, 0.0031125925, -0.007894226, 0.0121072605, -0.012467863, 0.008534913,
    -0.0035556937, 0.00068848487,
)  # fmt: skip
CENTRE = 2.4
SINGLE_END = 3.92  # from here on erf x = 1 in float32
# exp(x²) (1 + 2x) erfc x  in (x - 3)/(x + 3)  for ¾ ≤ x ≤ 28, degree 21; error 2.7e-19 of it.
TAIL = (
    -1.948179805631654e-08, 3.078760547938121e-08, 1.1570016990296535e-07,
    -1.3700893092518176e-07, -6.286092545662963e-07, 3.575552073723924e-07,
    3.4781129610190812e-06, -7.329380893863896e-07, -2.0102244075485197e-05,
    4.950098303412507e-06, 0.0001250996712237732, -0.00010515993777141983,
    -0.000779832311885909, 0.0018886903768419857, 0.0025293918192686063,
    -0.023770514919879995, 0.06830802734382284, -0.11927366341526703,
    0.12964515870276444, -0.04756229435345127, -0.1356211061245812, 1.2530080582697296,
)  # fmt: skip
NEAR_END = 0.75
# The inverse:  y/x - 1  in x², |x| ≤ ¾, degree 8, error 3.4e-8;  y/t  in  t - 3.5,
# t = √-ln(1 - |x|), degree 10, error 5.9e-7.
MIDDLE = (
    0.61044740873, -0.89501212861, 0.70220401414, -0.19991821574, 0.11920060941,
    0.080132312568, 0.12793148977, 0.23200529372, -0.11377304398,
)  # fmt: skip
OUTER = (
    -7.2301704953e-08, 9.4493061442e-07, -4.6687492208e-06, 1.4953381389e-05,
    -5.5324290678e-05, 0.00023287017325, -0.00088984459347, 0.0031581680089,
    -0.010596350011, 0.032114693432, 0.92408597663,
)  # fmt: skip
OUTER_CENTRE = 3.5
END = 28.0  # from here on erfc x = 0 in float64


@outlined("double")
def erf(e: Emitter, x: Value) -> Value:
    """y = 2/√π ∫₀ˣ exp(-t²) dt"""
    size = absolute(e, x)
    one = number(e, x, 1.0)
    if x.kind == "float":
        size = at_most(e, size, SINGLE_END)
        near, end = _near(e, size, NEAR_SINGLE), one
        rest = polynomial(e, e.subtract(size, number(e, x, CENTRE)), FAR_SINGLE)
    else:
        near, end = _near(e, size, NEAR_DOUBLE), number(e, x, NEAR_END)
        rest = _tail(e, size)
    inner = e.compare("olt", size, end)
    return with_sign(e, e.select(inner, near, e.subtract(one, rest)), x)


@outlined("float", "double")
@in_double
def erfc(e: Emitter, x: Value) -> Value:
    """y = 1 - erf x, accurate where it is small."""
    size = absolute(e, x)
    zero, one = number(e, x, 0.0), number(e, x, 1.0)
    tail = _tail(e, size)
    outer = e.select(e.compare("olt", x, zero), e.subtract(number(e, x, 2.0), tail), tail)
    inner = e.compare("olt", size, number(e, x, NEAR_END))
    return e.select(inner, e.subtract(one, _near(e, x, NEAR_DOUBLE)), outer)


@outlined("float", "double")
@in_double
def erfinv(e: Emitter, x: Value) -> Value:
    """The number y whose error function is x; ±inf at ±1, nan beyond."""
    size, one = absolute(e, x), number(e, x, 1.0)
    rest = e.subtract(one, size)
    inner = e.compare("ole", size, number(e, x, NEAR_END))
    root = e.intrinsic("sqrt", e.negate(log(e, rest)))
    centred = e.subtract(root, number(e, x, OUTER_CENTRE))
    outer = e.multiply(root, polynomial(e, centred, OUTER))
    rough = e.select(inner, _near(e, size, MIDDLE), outer)
    error = e.select(inner, e.subtract(erf(e, rough), size), e.subtract(rest, erfc(e, rough)))
    y = with_sign(e, _halley(e, rough, error), x)
    end = with_sign(e, number(e, x, math.inf), x)
    return e.select(e.compare("oeq", size, one), end, y)


def _halley(e: Emitter, y: Value, error: Value) -> Value:
    """y improved, where erf y is wrong by `error`:  y - u / (1 + y u),  u = error / erf' y."""
    growth = exp_within(e, e.multiply(y, y))
    u = e.multiply(e.multiply(error, growth), number(e, y, math.sqrt(math.pi) / 2))
    return e.subtract(y, e.divide(u, e.fma(y, u, number(e, y, 1.0))))


def _near(e: Emitter, x: Value, coefficients: tuple[float, ...]) -> Value:
    return e.fma(x, polynomial(e, e.multiply(x, x), coefficients), x)


def _tail(e: Emitter, size: Value) -> Value:
    """erfc x for x ≥ ¾; below that what it is at ¾."""
    x = at_least(e, at_most(e, size, END), NEAR_END)
    three = number(e, x, 3.0)
    t = e.divide(e.subtract(x, three), e.add(x, three))
    factor = e.divide(polynomial(e, t, TAIL), e.add(e.add(x, x), number(e, x, 1.0)))
    square, low = two_product(e, x, x)
    return e.multiply(exp_within(e, e.negate(square), low=e.negate(low)), factor)
