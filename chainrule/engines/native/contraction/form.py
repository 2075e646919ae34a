"""The general form of a product with a sum, in letters.

    y[n, m] = Σ_k a[n, k] b[k, m]

Every letter has a size, and every operand says how far one step of a letter moves in its
buffer. Matrix products, batched products, convolutions and their gradients differ only in these
numbers: a window of a convolution is two letters, position and tap, that move along one axis.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

PARTIAL = "partial"  # the key, in an index, of the number of a partial result


@dataclass(frozen=True)
class Bound:
    """Where an operand counts: 0 <= Σ factor · letter + const < size; elsewhere it is zero."""

    factors: Mapping[str, int]
    const: int
    size: int

    def __hash__(self) -> int:
        return hash((frozenset(self.factors.items()), self.const, self.size))

    def range(self, sizes: Mapping[str, int]) -> tuple[int, int]:
        """The least and the greatest value."""
        ends = [f * (sizes[x] - 1) for x, f in self.factors.items()]
        return self.const + sum(e for e in ends if e < 0), self.const + sum(
            e for e in ends if e > 0
        )


@dataclass(frozen=True)
class Access:
    """Where an operand's element lies: offset + Σ stride · letter.

    Args: lasting: the operand is the same in many runs, so that a copy costs nothing.
    """

    strides: Mapping[str, int]
    offset: int = 0
    bounds: tuple[Bound, ...] = ()
    lasting: bool = False

    def __hash__(self) -> int:
        return hash((frozenset(self.strides.items()), self.offset, self.bounds))

    def stride(self, letter: str) -> int:
        return self.strides.get(letter, 0)

    def has(self, letter: str) -> bool:
        """Whether the element depends on a letter."""
        return self.stride(letter) != 0 or any(letter in b.factors for b in self.bounds)

    def bounded(self, letter: str) -> bool:
        return any(letter in b.factors for b in self.bounds)


@dataclass(frozen=True)
class Contraction:
    """y[letters of y] = sum over the other letters of a · b.

    Args:
        sizes: letter → size; the order of the letters decides between equals.
        a, b: where the factors lie.
        y: where the results go, maybe a strided part of a larger buffer.
        kind: 'float' or 'double'.
    """

    sizes: Mapping[str, int]
    a: Access
    b: Access
    y: Access
    kind: str

    @functools.cached_property
    def outputs(self) -> tuple[str, ...]:
        return tuple(x for x in self.sizes if self.y.stride(x))

    def __hash__(self) -> int:
        return hash((tuple(self.sizes.items()), self.a, self.b, self.y, self.kind))

    @functools.cached_property
    def sums(self) -> tuple[str, ...]:
        return tuple(x for x in self.sizes if x not in self.outputs)

    @property
    def operands(self) -> tuple[Access, Access]:
        return self.a, self.b

    @property
    def count(self) -> int:
        """How many products there are."""
        return math.prod(self.sizes.values())


def normalized(c: Contraction, keep: Iterable[str] = ()) -> Contraction:
    """The same sums with fewer letters: of size one dropped, contiguous ones merged.

    Where two letters are merged, the inner one carries both and the outer one stays zero: a
    position that is contiguous in the two is then still Σ stride · letter.
    """
    c = _without_ones(c)
    keep = set(keep)
    while (pair := _mergeable(c, keep)) is not None:
        c = _merged(c, *pair)
    return c


def _without_ones(c: Contraction) -> Contraction:
    ones = {x for x, n in c.sizes.items() if n == 1}
    sizes = {x: n for x, n in c.sizes.items() if x not in ones}
    a, b, y = (
        Access(
            {x: s for x, s in t.strides.items() if s and x in sizes},
            t.offset,
            tuple(b for b in (_shorter(b, sizes) for b in t.bounds) if not _holds(b, sizes)),
            t.lasting,
        )
        for t in (c.a, c.b, c.y)
    )
    return Contraction(sizes, a, b, y, c.kind)


def _shorter(b: Bound, sizes: Mapping[str, int]) -> Bound:
    return replace(b, factors={x: f for x, f in b.factors.items() if f and x in sizes})


def _holds(b: Bound, sizes: Mapping[str, int]) -> bool:
    if any(sizes[x] == 0 for x in b.factors):
        return True
    low, high = b.range(sizes)
    return low >= 0 and high < b.size


def _mergeable(c: Contraction, keep: set[str]) -> tuple[str, str] | None:
    """An outer and an inner letter that lie one behind the other everywhere."""
    free = [
        x
        for x in c.sizes
        if x not in keep and not (c.a.bounded(x) or c.b.bounded(x)) and c.sizes[x]
    ]
    for outer in free:
        for inner in free:
            if outer != inner and _contiguous(c, outer, inner):
                return outer, inner
    return None


def _contiguous(c: Contraction, outer: str, inner: str) -> bool:
    if (outer in c.outputs) != (inner in c.outputs):
        return False
    n = c.sizes[inner]
    return all(t.stride(outer) == n * t.stride(inner) for t in (c.a, c.b, c.y))


def _merged(c: Contraction, outer: str, inner: str) -> Contraction:
    sizes = {
        x: n * c.sizes[outer] if x == inner else n for x, n in c.sizes.items() if x != outer
    }
    a, b, y = (
        replace(t, strides={x: s for x, s in t.strides.items() if x != outer})
        for t in (c.a, c.b, c.y)
    )
    return Contraction(sizes, a, b, y, c.kind)
