"""Greatest common divisors and least common multiples of integers."""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.emitter import BITS, Emitter, Value
from chainrule.engines.native.mathematics.outline import outlined
from chainrule.engines.native.pointwise.arithmetic import absolute
from chainrule.engines.native.pointwise.division import across
from chainrule.engines.native.pointwise.rules import WHOLE, rule
from chainrule.ops.arithmetic import GreatestDivisor, LeastMultiple


@rule(GreatestDivisor, WHOLE, cost=200)
def greatest_divisor(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return common_divisor(e, *[absolute(e, x, dtype=dtype) for x in e.alike(a, b)])


@outlined("i8", "i16", "i32", "i64")
def common_divisor(e: Emitter, a: Value, b: Value) -> Value:
    """Without division (Stein 1967): of two odd numbers the larger becomes their difference
    without its factors 2."""
    zero = e.constant(a.kind, 0)
    twos = _trailing_zeros(e, e.binary("or", a, b))
    larger, smaller = e.slot(b), e.slot(e.binary("lshr", a, _trailing_zeros(e, a)))
    with e.loop(0, _steps(e, e.binary("or", a, b))):
        x, y = e.get(larger), e.get(smaller)
        x = e.binary("lshr", x, _trailing_zeros(e, x))
        above, done = e.compare("ugt", x, y), e.compare("eq", x, zero)
        difference = e.select(above, e.binary("sub", x, y), e.binary("sub", y, x))
        e.put(smaller, e.select(e.binary("or", done, above), y, x))
        e.put(larger, e.select(done, zero, difference))
    odd = e.binary("shl", e.get(smaller), twos)
    odd = e.select(e.compare("eq", a, zero), b, odd)
    return e.select(e.compare("eq", b, zero), a, odd)


def _steps(e: Emitter, either: Value) -> Value:
    """Each step takes a bit from one of the two; they have as many as the largest number."""
    largest = across(e, "or", either)
    unused = e.call(f"llvm.ctlz.{either.kind}", either.kind, 1, largest, e.constant("i1", 0))
    unused = unused if either.kind == "i64" else e.convert("zext", unused, "i64")
    return e.binary("shl", e.binary("sub", e.int(BITS[either.kind]), unused), e.int(1))


def _trailing_zeros(e: Emitter, x: Value) -> Value:
    """The exponent of the factor 2 in x; 0 for 0."""
    below = e.binary("and", e.binary("xor", x, e.constant(x.kind, -1)),
                     e.binary("sub", x, e.constant(x.kind, 1)))  # fmt: skip
    count = e.intrinsic("ctpop", below)
    return e.select(e.compare("eq", x, e.constant(x.kind, 0)), e.constant(x.kind, 0), count)


@rule(LeastMultiple, WHOLE, cost=250)
def least_multiple(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    a, b = [absolute(e, x, dtype=dtype) for x in e.alike(a, b)]
    divisor = common_divisor(e, a, b)
    zero, one = e.constant(a.kind, 0), e.constant(a.kind, 1)
    none = e.compare("eq", divisor, zero)
    return e.binary("mul", e.binary("udiv", a, e.select(none, one, divisor)), b)
