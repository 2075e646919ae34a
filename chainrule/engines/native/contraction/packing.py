"""Copies of an operand in panels, which a kernel reads from front to back.

    source    wherever the strides say
    target    [batch letters] [block of the vector's letter] [letters of the sum] [a block]

The last panel is filled up with zeros, so that a kernel needs no masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from chainrule.engines.native.contraction.form import Access, Bound
from chainrule.engines.native.contraction.lanes import insert, prefix, transposed
from chainrule.engines.native.contraction.scheme import Layout, segments
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Var

CHUNK = 1 << 15  # elements that one chunk copies


@dataclass(frozen=True)
class Packing:
    """How an operand is copied, and where the copy's elements lie.

    Args:
        sizes: the letters of the operand.
        outer: letters around a panel, outermost first.
        inner: letters of the sum, in the order in which they lie in a panel.
        vector: the letter of the lanes.
        block: how many of its elements lie together.
    """

    source: Access
    sizes: Mapping[str, int]
    outer: tuple[str, ...]
    inner: tuple[str, ...]
    vector: str
    block: int
    lanes: int
    kind: str

    @property
    def panel(self) -> int:
        """The elements of one panel."""
        return self.block * math.prod(self.sizes[x] for x in self.inner)

    @property
    def group(self) -> int:
        """How many elements are copied at a time."""
        return max(n for n in range(1, self.lanes + 1) if self.block % n == 0)

    @property
    def panels(self) -> int:
        return -(-self.sizes[self.vector] // self.block)

    @property
    def rows(self) -> int:
        """How many rows of panels there are."""
        return math.prod(self.sizes[x] for x in self.outer)

    @property
    def size(self) -> int:
        return self.panel * self.panels * self.rows

    @property
    def share(self) -> int:
        """Panels a chunk, counted through all rows."""
        return max(1, CHUNK // max(1, self.panel))

    @property
    def chunks(self) -> int:
        return -(-self.rows * self.panels // self.share)

    def layout(self) -> Layout:
        """The copy as the kernel sees it."""
        strides, step = {self.vector: 1}, self.block
        for x in reversed(self.inner):
            strides[x] = step
            step *= self.sizes[x]
        step = self.panel * self.panels
        for x in reversed(self.outer):
            strides[x] = step
            step *= self.sizes[x]
        starts = dict(strides)
        if self.panels > 1:
            starts[self.vector] = self.panel // self.block
        return Layout(strides, starts, padded=True)

    def write(self, e: Emitter, source: Value, target: Value) -> None:
        """Copies the panels of one chunk."""
        _Copy(self, e, source, target).write()


class _Copy:
    """The loops that copy one chunk's panels, a group of lanes at a time."""

    def __init__(self, packing: Packing, e: Emitter, source: Value, target: Value) -> None:
        self.p, self.e, self.pointers = packing, e, (source, target)
        self.vars = {x: Var(x, n) for x, n in packing.sizes.items()}
        self.inside = Var("inside", packing.block)  # the group's start in its panel
        self.forms = self._outside()
        self.loops = self._inner()

    def _outside(self) -> tuple[Affine, Affine]:
        """Where a group starts in the source and in the target, but for the inner letters."""
        p, to = self.p, self.p.layout()
        source, target = Affine(p.source.offset, {}), Affine()
        for x in (*p.outer, p.vector):
            source = source + Affine.of(self.vars[x]) * p.source.stride(x)
            target = target + Affine.of(self.vars[x]) * to.starts[x]
        inside = Affine.of(self.inside)
        return source + inside * p.source.stride(p.vector), target + inside

    def _inner(self) -> list[tuple[Var, int, int]]:
        """The letters inside a panel, with their steps; contiguous ones as one."""
        p, to = self.p, self.p.layout()
        found: list[tuple[Var, int, int]] = []
        for x in p.inner:
            here = p.source.stride(x)
            if found and not p.source.bounds and found[-1][1] == here * p.sizes[x]:
                last = found.pop()[0]
                self.vars[x] = Var(x, last.size * p.sizes[x])
            found.append((self.vars[x], here, to.strides[x]))
        return found

    @property
    def column(self) -> int | None:
        """The loop along which the source is contiguous, if the vector's letter is not that."""
        if self.p.source.stride(self.p.vector) == 1 or self.p.source.bounds:
            return None
        return next((i for i, loop in enumerate(self.loops) if loop[1] == 1), None)

    def write(self) -> None:
        p, e = self.p, self.e
        low = e.multiply(e.chunk, e.int(p.share))
        high = e.intrinsic("smin", e.add(low, e.int(p.share)), e.int(p.rows * p.panels))
        with e.loop(low, high, 1, "panel") as panel:
            row = e.binary("udiv", panel, e.int(p.panels))
            for x in reversed(p.outer):
                self.vars[x].value = e.binary("urem", row, e.int(p.sizes[x]))
                row = e.binary("udiv", row, e.int(p.sizes[x]))
            number = e.binary("urem", panel, e.int(p.panels))
            first = self.vars[p.vector].value = e.multiply(number, e.int(p.block))
            self._panel(first)

    def _panel(self, first: Value) -> None:
        """Rows one after another where the source has them so; else group by group."""
        if self.column is None:
            with self._around(self.loops):
                self._groups(first, lambda count: self.e.store(self._row(count), self._to(0)))
        else:
            self._groups(first, self._turned_group)

    def _groups(self, first: Value, write: Callable[[int], None]) -> None:
        """Whole groups, what remains of the letter, and zeros."""
        p, e = self.p, self.e
        rest = p.sizes[p.vector] % p.group
        whole, block = p.sizes[p.vector] - rest, e.int(p.block)
        filled = whole + (p.group if rest else 0)
        end = e.subtract(e.int(whole), first)
        if whole:
            with e.over(self.inside, 0, e.intrinsic("smin", end, block), p.group):
                write(p.group)
        if rest:
            high = e.intrinsic("smin", e.add(end, e.int(1)), block)
            with e.over(self.inside, end, high, p.group):
                write(rest)
        if filled % p.block:
            low = e.subtract(e.int(filled), first)
            with e.over(self.inside, low, p.block, p.group):
                write(0)

    @contextmanager
    def _around(self, loops: list[tuple[Var, int, int]]) -> Iterator[None]:
        with ExitStack() as stack:
            for var, *_ in loops:
                stack.enter_context(self.e.over(var))
            yield

    def _turned_group(self, count: int) -> None:
        """One group of lanes, of which `count` exist, for all inner letters."""
        if not count:
            with self._around(self.loops):
                self.e.store(self._row(0), self._to(0))
            return
        column = self.column
        assert column is not None
        with self._around([x for i, x in enumerate(self.loops) if i != column]):
            var = self.loops[column][0]
            for run in segments(var.size, self.p.lanes):
                with self.e.over(var, run.first, run.stop, run.width):
                    self._turned(column, count, run.width)

    def _row(self, count: int) -> Value:
        """A vector along the vector's letter; scalars together where that is not contiguous."""
        p, e = self.p, self.e
        value = e.constant(p.kind, 0.0, p.group)
        inside = any(p.vector in b.factors for b in p.source.bounds)
        if count and p.source.stride(p.vector) == 1 and not inside:
            mask = prefix(p.group, count) if count < p.group else None
            for b in p.source.bounds:
                mask = e.both(mask, e.widened(self._test(b, 0), p.group))
            return e.load(self._from(0), p.kind, p.group, mask, fixed=False)
        for i in range(count):
            mask = None
            for b in p.source.bounds:
                mask = e.both(mask, self._test(b, i))
            one = e.load(self._from(i), p.kind, 1, mask, fixed=False)
            value = insert(e, value, one, i)
        return value

    def _test(self, b: Bound, lane: int) -> Value:
        vector = b.factors.get(self.p.vector, 0)
        form = Affine(b.const + vector * lane, {self.vars[x]: f for x, f in b.factors.items()})
        form = form + Affine.of(self.inside) * vector
        return self.e.compare("ult", self.e.offset(form), self.e.int(b.size))

    def _turned(self, column: int, count: int, width: int) -> None:
        """A square piece: rows along the source's contiguous letter become columns."""
        p, e = self.p, self.e
        mask = prefix(p.lanes, width) if width < p.lanes else None
        rows = [e.load(self._from(i), p.kind, p.lanes, mask, fixed=False) for i in range(count)]
        zero = e.constant(p.kind, 0.0, p.lanes)
        columns = transposed(e, [*rows, *[zero] * (p.lanes - count)])
        for i, value in enumerate(columns[:width]):
            e.store(e.part(value, 0, p.group), self._to(i * self.loops[column][2]))

    def _from(self, lane: int) -> Value:
        form = self.forms[0] + lane * self.p.source.stride(self.p.vector)
        for var, here, _ in self.loops:
            form = form + Affine.of(var) * here
        return self.e.address(self.pointers[0], form, self.p.kind)

    def _to(self, const: int) -> Value:
        form = self.forms[1] + const
        for var, _, there in self.loops:
            form = form + Affine.of(var) * there
        return self.e.address(self.pointers[1], form, self.p.kind)
