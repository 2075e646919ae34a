"""How the loops of a contraction are cut: blocks of letters, the vector's letter, chunks.

A block is what one pass of a letter's loop does, all written out: rows and vectors of the
register tile for letters of the result, unrolled steps for letters of the sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from chainrule.engines.native.contraction.form import Access, Bound, Contraction


@dataclass(frozen=True)
class Layout:
    """Where an operand lies for the kernel.

    A packed operand has panels: a block of the vector's letter lies together, so that the start
    of a block moves by `starts`, a place inside it by `strides`.
    """

    strides: Mapping[str, int]
    starts: Mapping[str, int]
    offset: int = 0
    bounds: tuple[Bound, ...] = ()
    padded: bool = False  # whether the last vector of a row may be read whole

    @staticmethod
    def of(access: Access) -> Layout:
        return Layout(access.strides, access.strides, access.offset, access.bounds)

    def has(self, letter: str) -> bool:
        return bool(self.strides.get(letter)) or any(letter in b.factors for b in self.bounds)


@dataclass(frozen=True)
class Cut:
    """A letter whose blocks are dealt out to chunks."""

    letter: str
    length: int  # elements a chunk
    count: int


@dataclass(frozen=True)
class Segment:
    """Blocks of one form: they start at first, first + width, …"""

    first: int
    count: int
    width: int

    @property
    def stop(self) -> int:
        return self.first + self.count * self.width

    @property
    def last(self) -> int:
        return self.stop - self.width


@dataclass(frozen=True)
class Scheme:
    """The decisions about one contraction."""

    vector: str | None  # the letter along which the lanes of a vector run
    lanes: int
    blocks: Mapping[str, int]  # letter → elements a block
    results: tuple[str, ...] = ()  # the loops over the result, outermost first
    sums: tuple[str, ...] = ()  # the loops of the sum, outermost first
    across: str | None = None  # the letter whose sums, lane by lane, make one vector
    cuts: tuple[Cut, ...] = field(default=())
    registers: int = 32  # vector registers of the processor

    def fixed(self, letter: str, c: Contraction) -> bool:
        """Whether a single block is the whole letter."""
        return self.blocks[letter] >= c.sizes[letter] and letter != self.vector


def segments(size: int, width: int) -> list[Segment]:
    """The whole blocks, and what remains."""
    whole, rest = divmod(size, width)
    parts = [Segment(0, whole, width)] if whole else []
    return [*parts, Segment(size - rest, 1, rest)] if rest else parts


@dataclass(frozen=True)
class Rule:
    """How a bound is kept: known when the code is made, by shorter loops, or by tests."""

    kind: str  # 'split', 'clamp' or 'test'
    letter: str | None = None


def rule(bound: Bound, scheme: Scheme, c: Contraction) -> Rule:
    """A bound with one moving letter is decided block by block; with two, the inner loop of the
    sum is shortened; anything else is tested."""
    moving = [x for x in bound.factors if not scheme.fixed(x, c)]
    if scheme.vector in bound.factors:
        return Rule("test")
    if len(moving) <= 1:
        return Rule("split", moving[0] if moving else None)
    order = [*scheme.results, *scheme.sums]
    inner = max(moving, key=order.index)
    narrow = all(scheme.blocks[x] == 1 for x in moving) and len(moving) == len(bound.factors)
    if len(moving) == 2 and narrow and inner in scheme.sums:
        return Rule("clamp", inner)
    return Rule("test")


def split(part: Segment, letter: str, bounds: list[Bound], reach: Mapping[str, int]
          ) -> list[Segment]:  # fmt: skip
    """A segment cut where a bound begins or ceases to hold for some element of a block.

    Args: reach: the sizes of the letters of the bounds, all of which are written out.
    """
    result: list[tuple[Segment, tuple]] = []
    for start in range(part.first, part.stop, part.width):
        sign = tuple(_sign(b, letter, start, part.width, reach) for b in bounds)
        if result and result[-1][1] == sign:
            old = result[-1][0]
            result[-1] = (Segment(old.first, old.count + 1, old.width), sign)
        else:
            result.append((Segment(start, 1, part.width), sign))
    return [s for s, _ in result]


def _sign(b: Bound, letter: str, start: int, width: int, reach: Mapping[str, int]) -> object:
    """Equal for blocks in which a bound holds for the same elements."""
    factor, others = b.factors[letter], [x for x in b.factors if x != letter]
    ends = [(b.factors[x] * (reach[x] - 1)) for x in others] + [factor * (width - 1)]
    base = b.const + factor * start
    low, high = base + sum(min(0, e) for e in ends), base + sum(max(0, e) for e in ends)
    if low >= 0 and high < b.size:
        return 0
    if high < 0 or low >= b.size:
        return 1 if low >= b.size else -1
    values = [base]
    for x, n in [*((x, reach[x]) for x in others), (letter, width)]:
        values = [v + b.factors[x] * i for v in values for i in range(n)]
    return tuple((v >= 0) + (v >= b.size) for v in values)


def decidable(scheme: Scheme, c: Contraction) -> bool:
    """Whether no test is left inside the loops."""
    bounds = [b for t in c.operands for b in t.bounds]
    return all(rule(b, scheme, c).kind != "test" for b in bounds)


def written(scheme: Scheme, c: Contraction) -> int:
    """About how many multiplications the code has, all forms of its blocks together."""
    return math.prod(_written(scheme, c, x) for x in c.sizes)


def _written(scheme: Scheme, c: Contraction, letter: str) -> int:
    size, width = c.sizes[letter], scheme.blocks[letter]
    lanes = scheme.lanes if letter == scheme.vector else 1
    total = sum(-(-part.width // lanes) for part in segments(size, width))
    for b in (b for t in c.operands for b in t.bounds if letter in b.factors):
        decided = rule(b, scheme, c)
        if decided.kind == "split" and decided.letter == letter:
            others = math.prod(c.sizes[x] for x in b.factors if x != letter)
            parts = min(-(-size // width), 1 + 2 * -(-(others - 1) // width))
            total = max(total, parts * -(-width // lanes))
    return total
