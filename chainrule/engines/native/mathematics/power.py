"""Powers with real exponents.

|a|ᵇ = exp(b ln |a|),  where ln |a| has twice the precision of float64, as an error of it is
multiplied by up to 745. For float32 the precision of float64 is enough.

    ln(1 + f) = 2 s (1 + s² (⅓ + s² Q(s²)))   with  s = f / (2 + f)

Source: T. J. Dekker 1971, "A floating-point technique for extending the available precision",
Numerische Mathematik 18. The coefficients of Q were fitted by Remez' exchange, in 50 digits.
"""

from __future__ import annotations

import math

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.double_words import (
    Pair,
    ordered_sum,
    product,
    two_product,
    two_sum,
)
from chainrule.engines.native.mathematics.exponential import (
    LARGEST,
    LN2,
    LOWEST,
    exp_to_single,
    exp_within,
)
from chainrule.engines.native.mathematics.floats import (
    FORMATS,
    absolute,
    at_least,
    at_most,
    bits,
    converted,
    number,
    polynomial,
    whole,
)
from chainrule.engines.native.mathematics.logarithm import log_to_single, normal, parts
from chainrule.engines.native.mathematics.outline import outlined

# Q in s², degree 6; error 1.1e-20 of ln(1 + f).
QUOTIENT = (
    0.06598833782342231, 0.06628339798980588, 0.07693381485547854, 0.09090892125922785,
    0.11111111260574012, 0.14285714285046647, 0.20000000000001134,
)  # fmt: skip
THIRD = (1 / 3, 1.850371707708594e-17)
HUGE = 2.0**65  # an exponent as good as infinite: |ln a| ≥ 2⁻⁵³ unless a = ±1


@outlined("float", "double")
def pow(e: Emitter, a: Value, b: Value) -> Value:
    """y = aᵇ:  nan for a negative number to a fraction, 1 where b = 0 or a = 1."""
    size, zero, one = absolute(e, a), number(e, a, 0.0), number(e, a, 1.0)
    y = _limits(e, size, b, _of_positive(e, size, b))
    integer, odd = _parity(e, absolute(e, b))
    negative = e.compare("slt", bits(e, a), whole(e, a, 0))
    y = e.select(e.binary("and", negative, odd), e.negate(y), y)
    below = e.binary(
        "and", e.compare("olt", a, zero), e.compare("ogt", a, number(e, a, -math.inf))
    )
    invalid = e.binary("and", below, e.compare("eq", integer, e.constant("i1", 0)))
    invalid = e.binary("or", invalid, e.compare("uno", a, b))
    y = e.select(invalid, number(e, a, math.nan), y)
    y = e.select(e.compare("oeq", b, one), a, y)
    trivial = e.binary("or", e.compare("oeq", b, zero), e.compare("oeq", a, one))
    return e.select(trivial, one, y)


def _of_positive(e: Emitter, a: Value, b: Value) -> Value:
    """aᵇ for a positive finite a."""
    if a.kind == "double":
        return _precise(e, a, b)
    wide, exponent = (converted(e, x, "double") for x in (a, b))
    y = exp_to_single(e, e.multiply(exponent, log_to_single(e, wide)))
    return converted(e, y, a.kind)


def _precise(e: Emitter, a: Value, b: Value) -> Value:
    """aᵇ for a positive finite a, the logarithm having twice the precision."""
    b = at_least(e, at_most(e, b, HUGE), -HUGE)
    log = _log(e, a)
    high, low = two_product(e, b, log[0])
    small = e.compare("olt", absolute(e, high), number(e, a, 1000.0))
    low = e.select(small, e.fma(b, log[1], low), number(e, a, 0.0))
    within = at_least(e, at_most(e, high, LARGEST["double"]), LOWEST["double"])
    return exp_within(e, within, low=low)


def _limits(e: Emitter, a: Value, b: Value, y: Value) -> Value:
    """aᵇ where a is 0 or infinite or b is infinite; else y."""
    zero, one, infinity = (number(e, a, value) for value in (0.0, 1.0, math.inf))
    grows = e.compare("eq", e.compare("ogt", a, one), e.compare("ogt", b, zero))
    end = e.select(grows, infinity, zero)
    far = e.compare("oeq", absolute(e, b), infinity)
    end = e.select(e.binary("and", far, e.compare("oeq", a, one)), one, end)
    edge = e.binary("or", e.compare("oeq", a, zero), e.compare("oeq", a, infinity))
    return e.select(e.binary("or", edge, far), end, y)


def _parity(e: Emitter, b: Value) -> tuple[Value, Value]:
    """Whether b ≥ 0 is whole, and whether it is odd."""
    places = FORMATS[b.kind].fraction
    limit = number(e, b, 2.0**places)  # from here on every number is whole
    large = e.compare("oge", b, limit)
    shifted = e.add(b, limit)
    same = e.compare("oeq", e.subtract(shifted, limit), b)
    integer = e.binary("or", same, large)
    word = bits(e, e.select(large, b, shifted))
    unit = e.compare("ne", e.binary("and", word, whole(e, b, 1)), whole(e, b, 0))
    small = e.compare("olt", b, number(e, b, 2.0 ** (places + 1)))  # beyond, all are even
    return integer, e.binary("and", e.binary("and", unit, small), integer)


def _log(e: Emitter, a: Value) -> Pair:
    """ln a of a positive finite number, in two parts."""
    large, back = normal(e, a)
    power, _, part = parts(e, large)
    power = e.add(power, back)
    high, low = _near_one(e, part)
    first, second = (number(e, a, value) for value in LN2[a.kind])
    total, lost = ordered_sum(e, e.multiply(power, first), high)
    return ordered_sum(e, total, e.add(lost, e.fma(power, second, low)))


def _near_one(e: Emitter, part: Value) -> Pair:
    """ln of a number from √½ to √2, in two parts."""
    s = _quotient(e, part)
    z = product(e, s, s)
    tail = e.multiply(z[0], polynomial(e, z[0], QUOTIENT))
    high, low = ordered_sum(e, e.widened(number(e, part, THIRD[0]), part.lanes), tail)
    inner = product(e, z, (high, e.add(low, number(e, part, THIRD[1]))))
    rest = product(e, s, inner)
    high, low = ordered_sum(e, s[0], rest[0])
    low = e.add(low, e.add(s[1], rest[1]))
    return e.add(high, high), e.add(low, low)


def _quotient(e: Emitter, part: Value) -> Pair:
    """(part - 1) / (part + 1), in two parts."""
    one = number(e, part, 1.0)
    f = e.subtract(part, one)
    below, below_low = two_sum(e, one, part)
    inverse = e.divide(one, below)
    high = e.multiply(f, inverse)
    near, near_low = two_product(e, high, below)
    rest = e.subtract(e.subtract(f, near), near_low)
    rest = e.subtract(rest, e.multiply(high, below_low))
    return high, e.multiply(rest, inverse)
