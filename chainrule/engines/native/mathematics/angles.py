"""Angles less their whole turns:  x = n p + r,  for a period p = π or ½ π and |r| ≤ ½ p.

Up to 2²¹ the product n p is subtracted in four parts, of so few bits that the first three are
exact (Cody and Waite 1980, ch. 8). Beyond that, x is m 2ᵉ with a whole number m, and those of
the bits of 1/p are multiplied by m that change x/p modulo 4 (Payne and Hanek 1983); one lane
after the other, as this is rare.

Source: M. H. Payne and R. N. Hanek 1983, "Radian reduction for trigonometric functions",
SIGNUM Newsletter 18.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.double_words import (
    ordered_sum,
    product,
    two_sum,
)
from chainrule.engines.native.mathematics.floats import (
    absolute,
    bits,
    nearest,
    number,
    with_sign,
)

FAR = 2.0**21
TABLE_WORDS = 21  # of 64 bits: 64 zeros, then the bits of 1/π behind the point
MANTISSA = (1 << 52) - 1
HALF_BIT = 1 << 61  # of a word whose highest bit is worth 2


@dataclass(frozen=True, slots=True)
class Period:
    """A period in four parts for subtraction, its two halves for products."""

    parts: tuple[float, float, float, float]
    value: tuple[float, float]
    doubling: int  # 1/period = 2^doubling / π


@dataclass(frozen=True, slots=True)
class Rest:
    """An angle in two parts, and the number of periods taken off, in the lowest bits."""

    high: Value
    low: Value
    word: Value


HALF_TURN = Period(
    (3.1415926534682512, 1.21542009963449e-10, 1.6667485834500445e-19, 2.5413117520279757e-29),
    (math.pi, 1.2246467991473532e-16), 0,
)  # fmt: skip
QUARTER_TURN = Period(
    (1.5707963267341256, 6.07710049817245e-11, 8.333742917250222e-20, 1.2706558760139879e-29),
    (math.pi / 2, 6.123233995736766e-17), 1,
)  # fmt: skip


def reduced(
    e: Emitter, x: Value, period: Period, *, halved: bool = False, precise: bool = True
) -> Rest:
    """What is left of float64 angles.

    Args: halved: take n + ½ periods off;  precise: to the precision of float64, else float32.
    """
    count, word = _count(e, x, period, halved)
    near = _subtracted(e, x, count, period, word, precise)
    slots = [e.slot(part) for part in (near.high, near.low, near.word)]
    source = e.slot(x)
    with e.loop(0, _lanes_if_far(e, x)) as lane:
        one = _element(e, e.get(source), lane)
        is_far = _is_far(e, one)
        inside = e.select(is_far, one, number(e, x, FAR))  # of the table of bits
        far = _multiplied(e, inside, period, halved)
        for slot, new in zip(slots, (far.high, far.low, far.word)):
            old = e.get(slot)
            chosen = e.select(is_far, new, _element(e, old, lane))
            e.put(slot, _replaced(e, old, chosen, lane))
    high, low, word = (e.get(slot) for slot in slots)
    return Rest(high, low, word)


def _count(e: Emitter, x: Value, period: Period, halved: bool) -> tuple[Value, Value]:
    """n, or n + ½, as a float, and n in the lowest bits of a word."""
    scale = 1 / period.value[0]
    if not halved:
        return nearest(e, x, scale)
    half = number(e, x, 0.5)
    turns = e.fma(x, number(e, x, scale), e.negate(half))
    count, word = nearest(e, turns, 1.0)
    return e.add(count, half), word


def _subtracted(
    e: Emitter, x: Value, count: Value, period: Period, word: Value, precise: bool
) -> Rest:
    """x less the periods, exactly until the last part."""
    first, second, third, last = (number(e, x, -part) for part in period.parts)
    rest = e.fma(count, first, x)
    if not precise:
        remainder = number(e, x, -period.parts[1] - period.parts[2])
        return Rest(e.fma(count, remainder, rest), number(e, x, 0.0), word)
    rest, lost = two_sum(e, rest, e.multiply(count, second))
    rest, lost_again = two_sum(e, rest, e.multiply(count, third))
    low = e.fma(count, last, e.add(lost, lost_again))
    return Rest(*ordered_sum(e, rest, low), word)


def _is_far(e: Emitter, x: Value) -> Value:
    """Whether x is too large for subtraction, and finite."""
    size = absolute(e, x)
    beyond = e.compare("ogt", size, number(e, x, FAR))
    return e.binary("and", beyond, e.compare("olt", size, number(e, x, math.inf)))


def _lanes_if_far(e: Emitter, x: Value) -> Value:
    """How many lanes to go through: none where no lane is far."""
    far = _is_far(e, x)
    if x.lanes > 1:
        name = f"llvm.vector.reduce.or.v{x.lanes}i1"
        far = e.call(name, "i1", 1, far)
    return e.select(far, e.int(x.lanes), e.int(0))


def _element(e: Emitter, x: Value, lane: Value) -> Value:
    if x.lanes == 1:
        return x
    text = f"extractelement {x.type} {x.name}, i64 {lane.name}"
    return e.pure(text, x.kind, 1, x, lane)


def _replaced(e: Emitter, x: Value, new: Value, lane: Value) -> Value:
    if x.lanes == 1:
        return new
    text = f"insertelement {x.type} {x.name}, {x.kind} {new.name}, i64 {lane.name}"
    return e.pure(text, x.kind, x.lanes, x, new, lane)


def _multiplied(e: Emitter, x: Value, period: Period, halved: bool) -> Rest:
    """One angle, by whole-number arithmetic."""
    turns, rest = _turns(e, absolute(e, x), period, halved)
    signed = with_sign(e, number(e, x, 1.0), x)
    whole, remainder = (number(e, x, part) for part in period.value)
    high, low = product(e, rest, (whole, remainder))
    return Rest(e.multiply(high, signed), e.multiply(low, signed), turns)


def _turns(
    e: Emitter, x: Value, period: Period, halved: bool
) -> tuple[Value, tuple[Value, Value]]:
    """n (or n + ½), the nearest to x / period, modulo 4; and the rest of the quotient."""
    word = bits(e, x)
    top, middle = _fixed_point(e, word, period.doubling)
    if halved:
        top = e.binary("sub", top, e.int(HALF_BIT))
    turns = e.binary("lshr", e.binary("add", top, e.int(HALF_BIT)), e.int(62))
    upper = e.intrinsic("fshl", top, middle, e.int(2))  # signed, of 2^-64
    lower = e.binary("shl", middle, e.int(2))  # of 2^-128
    mask, half_word = e.int((1 << 32) - 1), e.int(32)
    pieces = [
        e.binary("ashr", upper, half_word),
        e.binary("and", upper, mask),
        e.binary("lshr", lower, half_word),
        e.binary("and", lower, mask),
    ]
    weighted = [
        e.multiply(e.convert("sitofp", piece, "double"), number(e, x, 2.0 ** (-32 * (i + 1))))
        for i, piece in enumerate(pieces)
    ]
    high, low = ordered_sum(e, weighted[0], weighted[1])
    return turns, ordered_sum(e, high, e.add(low, e.add(weighted[2], weighted[3])))


def _fixed_point(e: Emitter, word: Value, doubling: int) -> tuple[Value, Value]:
    """x / period modulo 4, from the bits of x: the two leading words, the first bit worth 2."""
    exponent = e.binary("lshr", word, e.int(52))
    mantissa = e.binary("or", e.binary("and", word, e.int(MANTISSA)), e.int(MANTISSA + 1))
    position = e.binary("add", exponent, e.int(doubling - 1013))
    first = e.binary("lshr", position, e.int(6))
    shift = e.binary("and", position, e.int(63))
    table = _table(e)
    words = [e.load(e.step(table, e.add(first, e.int(i)), "i64"), "i64") for i in range(4)]
    window = [e.intrinsic("fshl", a, b, shift) for a, b in itertools.pairwise(words)]
    carry = e.constant("i128", 0)
    for part in (window[2], window[1]):
        total = e.binary("mul", _wide(e, mantissa), _wide(e, part))
        total = e.binary("add", total, carry)
        middle = e.convert("trunc", total, "i64")
        carry = e.binary("lshr", total, e.constant("i128", 64))
    top = e.binary("mul", mantissa, window[0])
    return e.binary("add", top, e.convert("trunc", carry, "i64")), middle


def _wide(e: Emitter, word: Value) -> Value:
    return e.convert("zext", word, "i128")


def _table(e: Emitter) -> Value:
    """The address of the bits of 1/π."""
    width = 64 * (TABLE_WORDS - 1)
    digits = (1 << (2 * width)) // _pi(width)
    words = [0] + [
        (digits >> (width - 64 * i)) & ((1 << 64) - 1) for i in range(1, TABLE_WORDS)
    ]
    signed = ", ".join(f"i64 {w - (w >> 63 << 64)}" for w in words)
    e.helpers["inverse.pi"] = (
        f"@inverse.pi = private constant [{TABLE_WORDS} x i64] [{signed}], align 8"
    )
    return Value("@inverse.pi", "ptr", 1, 0)


def _pi(places: int) -> int:
    """π · 2^places, by Machin's formula  π/4 = 4 arctan ⅕ - arctan 1/239."""
    guard = 64
    one = 1 << (places + guard)
    return 4 * (4 * _inverse_tangent(one, 5) - _inverse_tangent(one, 239)) >> guard


def _inverse_tangent(one: int, k: int) -> int:
    """arctan(1/k) times `one`."""
    total, power, odd = 0, one // k, 1
    while power:
        total += power // odd if odd % 4 == 1 else -(power // odd)
        power //= k * k
        odd += 2
    return total
