"""Index forms: where in an array an element lies, as a sum over the variables of the loops.

    3 + 28 h + c      Affine(3, {h: 28, c: 1})

Movement of elements (transpose, slice, reshape, flip) only rewrites such forms; no code is made
for it. A quotient and a remainder, which reshapes bring, are taken exactly where the ranges of
the variables decide them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Var:
    """A variable of a loop, running from 0 to size - 1; `value` is set when code is made."""

    __slots__ = ("is_loop", "name", "size", "value", "vector")

    def __init__(
        self, name: str, size: int, value: Any = None, vector: bool = False,
        is_loop: bool = True,
    ) -> None:  # fmt: skip
        self.name, self.size = name, size
        self.is_loop = is_loop  # else a number that was looked up or divided
        self.value = value  # what holds the variable in the code being made
        self.vector = vector  # whether the lanes of a vector run along it

    def __repr__(self) -> str:
        return self.name


class SplitNeeded(Exception):
    """A quotient can be taken if the loop over `var` becomes two, the inner of size `inner`."""

    def __init__(self, var: Var, inner: int) -> None:
        self.var, self.inner = var, inner


class Affine:
    """A constant plus multiples of variables."""

    __slots__ = ("const", "terms")

    def __init__(self, const: int = 0, terms: dict[Var, int] | None = None) -> None:
        self.const = const
        self.terms = terms or {}

    @staticmethod
    def of(var: Var) -> Affine:
        return Affine(0, {var: 1}) if var.size > 1 else Affine()

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.const + other, self.terms)
        if not other.terms:
            return Affine(self.const + other.const, self.terms)
        terms = dict(self.terms)
        for var, factor in other.terms.items():
            total = terms.get(var, 0) + factor
            if total:
                terms[var] = total
            else:
                del terms[var]
        return Affine(self.const + other.const, terms)

    def __mul__(self, factor: int) -> Affine:
        if factor == 0:
            return Affine()
        return Affine(self.const * factor, {v: c * factor for v, c in self.terms.items()})

    def __sub__(self, other: Affine | int) -> Affine:
        return self + other * -1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Affine) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple:
        """What tells one form from another."""
        return (self.const, frozenset(self.terms.items()))

    def __repr__(self) -> str:
        parts = [f"{c}·{v}" if c != 1 else str(v) for v, c in self.terms.items()]
        return " + ".join([*parts, *([str(self.const)] if self.const or not parts else [])])

    @property
    def low(self) -> int:
        """The least value."""
        return self.const + sum(c * (v.size - 1) for v, c in self.terms.items() if c < 0)

    @property
    def high(self) -> int:
        """The greatest value."""
        return self.const + sum(c * (v.size - 1) for v, c in self.terms.items() if c > 0)

    def within(self, size: int) -> bool:
        """Whether the value is always in 0 … size - 1."""
        return self.low >= 0 and self.high < size

    def substitute(self, values: dict[Var, Affine]) -> Affine:
        """The form with variables replaced by forms."""
        if not any(v in values for v in self.terms):
            return self
        result = Affine(self.const, {v: c for v, c in self.terms.items() if v not in values})
        for var, factor in self.terms.items():
            if var in values:
                result = result + values[var] * factor
        return result

    def divided(self, divisor: int) -> tuple[Affine, Affine]:
        """Quotient and remainder by a positive number.

        Raises: SplitNeeded where a loop must be cut for it, Undecided where that does not help.
        """
        if divisor == 1:
            return self, Affine()
        quotient = Affine(
            self.const // divisor,
            {v: c // divisor for v, c in self.terms.items() if c % divisor == 0},
        )
        rest = Affine(
            self.const % divisor, {v: c for v, c in self.terms.items() if c % divisor}
        )
        if rest.within(divisor):
            return quotient, rest
        for var, factor in rest.terms.items():
            if 0 < factor < divisor < factor * var.size and divisor % factor == 0:
                inner = divisor // factor
                if var.is_loop and var.size % inner == 0 and inner > 1:
                    raise SplitNeeded(var, inner)
        raise Undecided(self, divisor)


class Undecided(Exception):
    """A quotient that the ranges of the variables do not decide."""

    def __init__(self, form: Affine, divisor: int) -> None:
        super().__init__(f"({form}) / {divisor}")
        self.form, self.divisor = form, divisor


def flat(index: Iterable[Affine], shape: Iterable[int]) -> Affine:
    """The row-major position of an index."""
    total = Affine()
    for form, size in zip(index, shape, strict=True):
        total = total * size + form
    return total


def unflat(position: Affine, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    """The index that has a row-major position."""
    index: list[Affine] = []
    for size in reversed(shape[1:]):
        position, rest = (position, Affine()) if size == 1 else position.divided(size)
        index.append(rest)
    return (*([position] if shape else []), *reversed(index))
