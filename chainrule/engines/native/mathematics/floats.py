"""What elementary functions are made of: polynomials, rounding, and the bits of a float.

A float of width w is  ±2^(exponent - bias) · 1.fraction;  its bits read as a whole number give
and take powers of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.engines.native.emitter import Emitter, Value


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of float is laid out."""

    whole: str  # the kind of whole number of the same width
    fraction: int  # bits
    bias: int

    @property
    def round(self) -> float:
        """1.5 · 2^fraction: a sum with it is rounded to a whole number, in its lowest bits."""
        return 1.5 * 2.0**self.fraction

    @property
    def smallest(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)


FORMATS = {"float": Format("i32", 23, 127), "double": Format("i64", 52, 1023)}


def number(e: Emitter, x: Value, value: float) -> Value:
    """A constant of the kind of x."""
    return e.constant(x.kind, value)


def whole(e: Emitter, x: Value, value: int) -> Value:
    """A constant whole number of the width of x."""
    return e.constant(FORMATS[x.kind].whole if x.kind in FORMATS else x.kind, value)


def bits(e: Emitter, x: Value) -> Value:
    """The bits of a float as a whole number."""
    return e.convert("bitcast", x, FORMATS[x.kind].whole)


def from_bits(e: Emitter, bits: Value) -> Value:
    """The float that has these bits."""
    return e.convert("bitcast", bits, "float" if bits.kind == "i32" else "double")


def converted(e: Emitter, x: Value, kind: str) -> Value:
    """x as a float or a double."""
    if x.kind == kind:
        return x
    return e.convert("fpext" if kind == "double" else "fptrunc", x, kind)


def polynomial(e: Emitter, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule; the coefficient of the highest power stands first."""
    total = e.widened(number(e, x, coefficients[0]), x.lanes)
    for coefficient in coefficients[1:]:
        total = e.fma(total, x, number(e, x, coefficient))
    return total


def nearest(e: Emitter, x: Value, scale: float) -> tuple[Value, Value]:
    """The whole number nearest to `scale` · x: as a float, and in the lowest bits of a word.

    Notes: |scale · x| must stay below 2^(fraction - 2). The upper bits of the word are not
    those of the number; `power_of_two` never looks at them.
    """
    shift = number(e, x, FORMATS[x.kind].round)
    shifted = e.fma(x, number(e, x, scale), shift)
    return e.subtract(shifted, shift), bits(e, shifted)


def power_of_two(e: Emitter, exponent: Value) -> Value:
    """2^exponent, the exponent in the lowest bits of a word, where that is a normal number."""
    layout = FORMATS["float" if exponent.kind == "i32" else "double"]
    places = e.constant(exponent.kind, layout.fraction)
    one = e.constant(exponent.kind, layout.bias << layout.fraction)
    return from_bits(e, e.binary("add", e.binary("shl", exponent, places), one))


def scaled(e: Emitter, x: Value, exponent: Value) -> Value:
    """x · 2^exponent, rounded once also where it is denormal.

    Notes: twice the exponents of the format are reached, by two factors.
    """
    one = e.constant(exponent.kind, 1)
    half = e.binary("lshr", exponent, one)
    rest = e.binary("sub", exponent, half)
    return e.multiply(e.multiply(x, power_of_two(e, half)), power_of_two(e, rest))


def at_most(e: Emitter, x: Value, limit: float) -> Value:
    """The smaller of the two, nan for nan."""
    bound = number(e, x, limit)
    return e.select(e.compare("ogt", x, bound), bound, x)


def at_least(e: Emitter, x: Value, limit: float) -> Value:
    """The larger of the two, nan for nan."""
    bound = number(e, x, limit)
    return e.select(e.compare("olt", x, bound), bound, x)


def absolute(e: Emitter, x: Value) -> Value:
    return e.intrinsic("fabs", x)


def with_sign(e: Emitter, size: Value, sign: Value) -> Value:
    """|size| with the sign of another number, which may be that of zero."""
    return e.intrinsic("copysign", size, sign)
