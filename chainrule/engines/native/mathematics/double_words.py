"""Sums and products with their rounding errors: a number as a float and a smaller one.

Source: T. J. Dekker 1971, "A floating-point technique for extending the available precision",
Numerische Mathematik 18; D. E. Knuth, "The Art of Computer Programming", vol. 2, §4.2.2.
"""

from __future__ import annotations

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.floats import bits, from_bits, whole

UPPER = {"float": -(1 << 12), "double": -(1 << 27)}  # masks of the leading half of the bits

Pair = tuple[Value, Value]  # high and low


def two_sum(e: Emitter, a: Value, b: Value) -> Pair:
    """a + b exactly."""
    total = e.add(a, b)
    of_b = e.subtract(total, a)
    of_a = e.subtract(total, of_b)
    return total, e.add(e.subtract(a, of_a), e.subtract(b, of_b))


def ordered_sum(e: Emitter, a: Value, b: Value) -> Pair:
    """a + b exactly, where |a| ≥ |b| or a = 0."""
    total = e.add(a, b)
    return total, e.subtract(b, e.subtract(total, a))


def two_product(e: Emitter, a: Value, b: Value) -> Pair:
    """a b exactly; without fma to twice the precision."""
    product = e.multiply(a, b)
    if e.fused:
        return product, e.fma(a, b, e.negate(product))
    (a0, a1), (b0, b1) = _halves(e, a), _halves(e, b)
    error = e.subtract(e.multiply(a0, b0), product)
    error = e.add(e.add(error, e.multiply(a0, b1)), e.multiply(a1, b0))
    return product, e.add(error, e.multiply(a1, b1))


def _halves(e: Emitter, a: Value) -> Pair:
    high = from_bits(e, e.binary("and", bits(e, a), whole(e, a, UPPER[a.kind])))
    return high, e.subtract(a, high)


def product(e: Emitter, a: Pair, b: Pair) -> Pair:
    """The product of two pairs, to about twice the precision."""
    high, low = two_product(e, a[0], b[0])
    cross = e.fma(a[0], b[1], e.multiply(a[1], b[0]))
    return ordered_sum(e, high, e.add(low, cross))
