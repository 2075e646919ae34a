"""Sine, cosine and tangent.

x = n π + r  with |r| ≤ ½ π, so that  sin x = (-1)ⁿ sin r;  for the cosine  x = (n + ½) π + r
and  cos x = -(-1)ⁿ sin r.  The tangent is a quotient of both, with  x = n ½ π + r.

Source: the coefficients were fitted by Remez' exchange, in 50 digits.
"""

from __future__ import annotations

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.angles import HALF_TURN, QUARTER_TURN, Rest, reduced
from chainrule.engines.native.mathematics.floats import (
    absolute,
    bits,
    converted,
    from_bits,
    number,
    polynomial,
    whole,
)
from chainrule.engines.native.mathematics.outline import in_double, outlined

# (sin r / r - 1) / r²  in r²:  |r| ≤ ½ π, degree 4, error 2.4e-11 of sin r, and degree 7,
# 2.8e-19;  |r| ≤ ¼ π, degree 5, 3.7e-18.
SINE_SINGLE = (
    -2.388872137719982e-08, 2.75253746618468e-06, -0.00019840868038643568,
    0.00833333110743229, -0.1666666662612432,
)  # fmt: skip
SINE = (
    2.721163186536217e-15, -7.642990457143942e-13, 1.6058939669622918e-10,
    -2.50521068721478e-08, 2.755731921113083e-06, -0.00019841269841209186,
    0.008333333333333194, -0.16666666666666666,
)  # fmt: skip
SINE_NEAR = (
    1.5896213887974176e-10, -2.505074756390681e-08, 2.755731362069826e-06,
    -0.00019841269829589325, 0.00833333333332212, -0.1666666666666663,
)  # fmt: skip
# (cos r - 1 + r²/2) / r⁴  in r²,  |r| ≤ ¼ π, degree 5; error 5.6e-20.
COSINE_NEAR = (
    -1.1358515699916309e-11, 2.0875700469187238e-09, -2.7557314176822906e-07,
    2.480158728884432e-05, -0.0013888888888873047, 0.041666666666666595,
)  # fmt: skip
DROP = -0.405  # cos r ≈ 1 - 0.405 r²  for |r| ≤ ½ π, good enough for a correction
TINY = 2.0**-27  # below, sin x = tan x = x


@outlined("float", "double")
def sin(e: Emitter, x: Value) -> Value:
    """y = sin x, x in radians."""
    precise = x.kind == "double"
    rest = reduced(e, converted(e, x, "double"), HALF_TURN, precise=precise)
    return _or_itself(e, x, converted(e, _sine(e, rest, precise), x.kind))


@outlined("float", "double")
def cos(e: Emitter, x: Value) -> Value:
    """y = cos x, x in radians."""
    precise = x.kind == "double"
    size = converted(e, absolute(e, x), "double")
    rest = reduced(e, size, HALF_TURN, halved=True, precise=precise)
    return converted(e, e.negate(_sine(e, rest, precise)), x.kind)


@outlined("float", "double")
@in_double
def tan(e: Emitter, x: Value) -> Value:
    """y = sin x / cos x, x in radians."""
    rest = reduced(e, x, QUARTER_TURN)
    z = e.multiply(rest.high, rest.high)
    sine = e.fma(e.multiply(rest.high, z), polynomial(e, z, SINE_NEAR), rest.low)
    sine = e.add(rest.high, sine)
    cross = e.negate(e.multiply(rest.high, rest.low))
    cosine = e.fma(e.multiply(z, z), polynomial(e, z, COSINE_NEAR), cross)
    cosine = e.subtract(e.multiply(z, number(e, x, 0.5)), cosine)
    cosine = e.subtract(number(e, x, 1.0), cosine)
    odd = e.compare("ne", e.binary("and", rest.word, whole(e, x, 1)), whole(e, x, 0))
    above = e.select(odd, e.negate(cosine), sine)
    return _or_itself(e, x, e.divide(above, e.select(odd, sine, cosine)))


def _sine(e: Emitter, rest: Rest, precise: bool) -> Value:
    """(-1)ⁿ sin r"""
    r = rest.high
    z = e.multiply(r, r)
    if precise:
        slope = e.fma(z, number(e, r, DROP), number(e, r, 1.0))
        low = e.multiply(rest.low, slope)
        inner = e.fma(e.multiply(r, z), polynomial(e, z, SINE), low)
        y = e.add(r, inner)
    else:
        y = e.fma(e.multiply(r, z), polynomial(e, z, SINE_SINGLE), r)
    sign = e.binary("shl", rest.word, whole(e, y, 63))
    return from_bits(e, e.binary("xor", bits(e, y), sign))


def _or_itself(e: Emitter, x: Value, y: Value) -> Value:
    """x where it is so small that the function is x; this keeps -0 too."""
    return e.select(e.compare("olt", absolute(e, x), number(e, x, TINY)), x, y)
