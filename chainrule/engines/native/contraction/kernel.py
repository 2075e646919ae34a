"""Writing one chunk of a contraction as loops around a register tile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from chainrule.engines.native.contraction.form import PARTIAL, Bound, Contraction
from chainrule.engines.native.contraction.lanes import prefix, sums_of
from chainrule.engines.native.contraction.scheme import (
    Layout,
    Scheme,
    Segment,
    rule,
    segments,
    split,
)
from chainrule.engines.native.emitter import Emitter, Slot, Value
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.emitter.instructions import FEW

Finish = Callable[[dict[str, Affine], Value, Value | None], None]
At = dict[str, int]  # letter → place inside the block


class Nest:
    """The loops of one chunk.

    for each block of the result:                 results()
        accumulators = 0                          tile()
        for each block of the sum:                sums()
            accumulator += a · b, all of them     body()
        finish(accumulator), all of them          finish_all()
    """

    def __init__(
        self, e: Emitter, c: Contraction, scheme: Scheme,
        layouts: tuple[Layout, Layout], pointers: tuple[Value, Value], finish: Finish,
    ) -> None:  # fmt: skip
        self.e, self.c, self.scheme = e, c, scheme
        self.layouts, self.pointers, self.finish = layouts, pointers, finish
        along = scheme.across or scheme.vector
        self.vars = {x: Var(x, n, vector=x == along) for x, n in c.sizes.items()}
        self.spans: dict[str, Segment] = {}  # the blocks that a letter's loop runs over
        self.limits: dict[str, tuple[Value, Value]] = {}  # the elements of this chunk
        self.rules = {b: rule(b, scheme, c) for layout in layouts for b in layout.bounds}
        looped = any(scheme.blocks[x] < c.sizes[x] for x in c.sums)
        self.crowded = looped and scheme.registers <= FEW  # whether totals have to keep places
        self.partial = Affine()  # which of the partial results this chunk makes
        self.slots: dict[tuple, Slot] = {}
        self.cache: dict[tuple, Value | None] = {}

    def write(self) -> None:
        self._decode()
        self.results(list(self.scheme.results))

    def _decode(self) -> None:
        """Which elements are this chunk's: the digits of its number."""
        e, rest = self.e, self.e.chunk
        cuts = self.scheme.cuts
        for i, cut in enumerate(reversed(cuts)):
            digit = rest
            if i < len(cuts) - 1:
                digit = e.binary("urem", rest, e.int(cut.count))
                rest = e.binary("udiv", rest, e.int(cut.count))
            if cut.letter in self.c.sums:
                self.partial = Affine.of(Var(PARTIAL, cut.count, digit))
            low = e.multiply(digit, e.int(cut.length))
            high = e.add(low, e.int(cut.length))
            if cut.length * cut.count > self.c.sizes[cut.letter]:
                high = e.intrinsic("smin", high, e.int(self.c.sizes[cut.letter]))
            self.limits[cut.letter] = low, high

    # -- loops -----------------------------------------------------------------------------

    def results(self, letters: list[str]) -> None:
        if not letters:
            self.tile()
            return
        for part in self.parts(letters[0]):
            with self.over(letters[0], part):
                self.results(letters[1:])

    def sums(self, letters: list[str]) -> None:
        if not letters:
            self.body()
            return
        for part in self.parts(letters[0]):
            with self.over(letters[0], part):
                self.sums(letters[1:])

    def parts(self, letter: str) -> list[Segment]:
        """The blocks of a letter, cut where bounds begin and cease to hold."""
        size, width = self.c.sizes[letter], self.scheme.blocks[letter]
        bounds = [b for b, r in self.rules.items() if r.kind == "split" and r.letter == letter]
        whole = segments(size, width)
        if letter == self.scheme.vector and letter not in self.c.outputs:
            whole = _lane_tail(whole, self.scheme.lanes)
        if not bounds:
            return whole
        return [s for part in whole for s in split(part, letter, bounds, self.c.sizes)]

    @contextmanager
    def over(self, letter: str, part: Segment) -> Iterator[None]:
        """A loop over the blocks of a segment that are this chunk's and inside the bounds."""
        var, self.spans[letter] = self.vars[letter], part
        low, high = self._limits(letter, part)
        alone = letter in self.limits and self._alone(letter)
        with ExitStack() as stack:
            if alone:
                var.value = self.limits[letter][0]
            else:
                stack.enter_context(self.e.over(var, low, high, part.width))
            self.cache = {}
            yield
        self.cache = {}

    def _alone(self, letter: str) -> bool:
        """Whether a chunk has exactly one block."""
        (cut,) = (x for x in self.scheme.cuts if x.letter == letter)
        size, width = self.c.sizes[letter], self.scheme.blocks[letter]
        clamped = any(r.kind == "clamp" and r.letter == letter for r in self.rules.values())
        uniform = len(self.parts(letter)) == 1 and size % width == 0
        return cut.length == width and uniform and not clamped

    def _limits(self, letter: str, part: Segment) -> tuple[int | Value, int | Value]:
        e = self.e
        low: Value = e.int(part.first)
        high: Value = e.int(part.stop)
        ranges = [self.limits[letter]] if letter in self.limits else []
        ranges += [
            self._clamp(b, letter)
            for b, r in self.rules.items()
            if r.kind == "clamp" and r.letter == letter
        ]
        if not ranges:
            return part.first, part.stop
        for first, last in ranges:
            low, high = e.intrinsic("smax", low, first), e.intrinsic("smin", high, last)
        return low, high

    def _clamp(self, b: Bound, letter: str) -> tuple[Value, Value]:
        """The values of a letter for which a bound holds, the other one being known."""
        e, factor = self.e, b.factors[letter]
        ((other, by),) = ((x, f) for x, f in b.factors.items() if x != letter)
        rest = e.offset(Affine(b.const, {self.vars[other]: by}))
        if factor > 0:
            low = self._ceiling(e.negate(rest), factor, b)
            high = self._ceiling(e.subtract(e.int(b.size), rest), factor, b)
            return low, high
        low = self._ceiling(e.add(rest, e.int(1 - b.size)), -factor, b)
        return low, self._ceiling(e.add(rest, e.int(1)), -factor, b)

    def _ceiling(self, value: Value, divisor: int, b: Bound) -> Value:
        """The quotient rounded up, of a number that may be negative."""
        if divisor == 1:
            return value
        e = self.e
        low, high = b.range(self.c.sizes)
        lift = 1 + (abs(low) + abs(high) + b.size) // divisor
        lifted = e.add(value, e.int(lift * divisor + divisor - 1))
        return e.add(e.binary("udiv", lifted, e.int(divisor)), e.int(-lift))

    # -- the register tile -----------------------------------------------------------------

    def places(self, letters: tuple[str, ...]) -> list[At]:
        """All places inside the present block; along the vector, one for each vector."""
        steps = [
            range(0, self.spans[x].width, self.scheme.lanes if x == self.scheme.vector else 1)
            for x in letters
        ]
        found = [dict(zip(letters, at, strict=True)) for at in itertools.product(*steps)]
        near = self.scheme.across or self.scheme.vector
        # Vectors fastest: a repeated number is then used up before the next one is read.
        return sorted(found, key=lambda at: [i for x, i in at.items() if x != near])

    def tile(self) -> None:
        e, scheme = self.e, self.scheme
        lanes = scheme.lanes if scheme.vector else 1
        zero = e.constant(self.c.kind, 0.0, lanes)
        places = self.places(scheme.results)
        self.slots = {tuple(at.values()): e.slot(zero) for at in places}
        if all(self.c.sizes[x] for x in self.c.sums):  # the others are sums of nothing
            self.sums(list(scheme.sums))
        self.finish_all(places)

    def body(self) -> None:
        """One multiplication for each accumulator and each unrolled step of the sum."""
        e, results = self.e, self.places(self.scheme.results)
        for step in self.places(self.scheme.sums):
            e.fence()
            for at in results:
                a, b = (self.read(i, {**at, **step}) for i in (0, 1))
                if a is None or b is None:
                    continue
                slot = self.slots[tuple(at.values())]
                e.put(slot, self._added(a, b, e.get(slot)))

    def _added(self, a: Value, b: Value, total: Value) -> Value:
        """a b + total.

        Notes: LLVM puts a sum into the register of the product, or of a repeated factor, that
        nobody needs any more. Totals then lie elsewhere after each turn of the loop, and where
        there are few registers they get back by way of the stack. So there an empty piece of
        assembly needs both, the sum in the register of the total; "x" is one of x86's.
        """
        e = self.e
        result = e.fma(a, b, total)
        kept = [x for x in (a, b) if x.lanes < result.lanes] if e.fused else [e.multiply(a, b)]
        if not (self.crowded and kept):
            return result
        operands = [result, *(e.widened(x, result.lanes) for x in kept)]
        given = ", ".join(f"{x.type} {x.name}" for x in operands)
        text = f'call {result.type} asm "", "=x,0{",x" * len(kept)}"({given})'
        return e.here(text, result.kind, result.lanes)

    def read(self, operand: int, at: At) -> Value | None:
        """A factor, or None where it is zero."""
        layout = self.layouts[operand]
        key = (operand, *(i for x, i in at.items() if layout.has(x)))
        if key not in self.cache:
            self.cache[key] = self._read(operand, layout, at)
        return self.cache[key]

    def _read(self, operand: int, layout: Layout, at: At) -> Value | None:
        e, vector = self.e, self.scheme.vector
        along = layout.strides.get(vector, 0) if vector else 0
        mask = self._tail(layout, at) if along else None
        for b in layout.bounds:
            state = self._holds(b, at)
            if state is False:
                return None
            if state is None:
                mask = e.both(mask, self._test(b, at, self.scheme.lanes if along else 1))
        address = self._address(operand, self.position(layout, at))
        if along in (0, 1):
            lanes = self.scheme.lanes if along else 1
            return e.load(address, self.c.kind, lanes, mask, fixed=False)
        steps = e.multiply(e.counting("i64", self.scheme.lanes), e.int(along))
        return e.gather(e.addresses(address, steps, self.c.kind), self.c.kind, mask)

    def _address(self, operand: int, place: Affine) -> Value:
        """Where a factor lies, reckoned from one address that moves with the loops.

        Notes: LLVM would look for the best way to step each address of a body by itself, which
        takes most of the compiler's time; behind an empty piece of assembly it sees only one.
        """
        e, kind = self.e, self.c.kind
        moving = e.address(self.pointers[operand], Affine(0, place.terms), kind)
        if moving.level:
            text = f'call ptr asm "", "=r,0"(ptr {moving.name})'
            moving = e.pure(text, "ptr", 1, moving)
        return e.step(moving, e.int(place.const), kind)

    def position(self, layout: Layout, at: At) -> Affine:
        const = layout.offset + sum(layout.strides.get(x, 0) * i for x, i in at.items())
        terms = {self.vars[x]: layout.starts[x] for x in at if layout.starts.get(x)}
        return Affine(const, terms)

    def _tail(self, layout: Layout, at: At) -> Value | None:
        """The lanes that exist, where not all do."""
        vector = self.scheme.vector
        assert vector is not None
        left = self.spans[vector].width - at[vector]
        if layout.padded or left >= self.scheme.lanes:
            return None
        return prefix(self.scheme.lanes, left)

    def _holds(self, b: Bound, at: At) -> bool | None:
        """Whether a bound holds at a place in every block of the loops; None: sometimes."""
        if self.rules[b].kind == "clamp":
            return True
        low = high = b.const
        for x, f in b.factors.items():
            last = at[x] + (self.scheme.lanes - 1 if x == self.scheme.vector else 0)
            ends = f * (self.spans[x].first + at[x]), f * (self.spans[x].last + last)
            low, high = low + min(ends), high + max(ends)
        if low >= 0 and high < b.size:
            return True
        return False if high < 0 or low >= b.size else None

    def _test(self, b: Bound, at: At, lanes: int) -> Value:
        e, vector = self.e, self.scheme.vector
        const = b.const + sum(f * at[x] for x, f in b.factors.items())
        value = e.offset(Affine(const, {self.vars[x]: f for x, f in b.factors.items()}))
        if vector is not None and vector in b.factors:
            steps = e.multiply(e.counting("i64", lanes), e.int(b.factors[vector]))
            value = e.add(e.widened(value, lanes), steps)
        # One comparison of unsigned numbers: a negative one is large.
        return e.widened(e.compare("ult", value, e.int(b.size)), lanes)

    # -- results ---------------------------------------------------------------------------

    def finish_all(self, places: list[At]) -> None:
        if self.scheme.across is not None:
            self._finish_sums(places)
            return
        vector = self.scheme.vector
        for at in places:
            value, mask = self.e.get(self.slots[tuple(at.values())]), None
            if vector and vector in at:
                left = self.spans[vector].width - at[vector]
                mask = prefix(value.lanes, left) if left < value.lanes else None
            elif vector:  # the lanes run along the sum
                value = sums_of(self.e, [value])
            self.finish(self.index(at), value, mask)

    def _finish_sums(self, places: list[At]) -> None:
        """Sums over the lanes, of several accumulators at once."""
        across = self.scheme.across
        assert across is not None
        groups: dict[tuple, list[At]] = {}
        for at in places:
            key = tuple(i for x, i in at.items() if x != across)
            groups.setdefault(key, []).append(at)
        for group in groups.values():
            totals = [self.e.get(self.slots[tuple(at.values())]) for at in group]
            value = sums_of(self.e, totals)
            mask = prefix(value.lanes, len(group)) if len(group) < value.lanes else None
            self.finish(self.index(group[0]), value, mask)

    def index(self, at: Mapping[str, int]) -> dict[str, Affine]:
        """Which result an accumulator is."""
        found = {x: Affine.of(self.vars[x]) + i for x, i in at.items()}
        return {**found, PARTIAL: self.partial}


def _lane_tail(parts: list[Segment], lanes: int) -> list[Segment]:
    """In a sum along the lanes, whole vectors before the last one."""
    result: list[Segment] = []
    for part in parts:
        if part.count == 1 and part.width > lanes and part.width % lanes:
            whole = part.width - part.width % lanes
            result.append(Segment(part.first, 1, whole))
            result.append(Segment(part.first + whole, 1, part.width - whole))
        else:
            result.append(part)
    return result
