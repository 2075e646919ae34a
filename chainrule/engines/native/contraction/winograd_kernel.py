"""Writing one chunk of a convolution by tiles.

    for each block of tiles:
        V = Bᵀ d B, for each tile and channel             tiles()
        H = (V · U) A, sums over the channels             products()
        y = Aᵀ H, for each tile and filter                results()

V lies as [line of places] [place] [tile] [channel], H as [tile] [block of filters]
[line of places] [column of results] [filters] in the scratch memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.engines.native.contraction.form import Access, Contraction
from chainrule.engines.native.contraction.kernel import Finish
from chainrule.engines.native.contraction.lanes import prefix
from chainrule.engines.native.contraction.scheme import Layout, Scheme, segments
from chainrule.engines.native.contraction.winograd import SEEN, TAPS, TILE, Winograd
from chainrule.engines.native.contraction.winograd_direct import convolved, not_finite, rarely
from chainrule.engines.native.contraction.winograd_image import Image, Products, one_image
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Var


class Tiles(Image):
    """The loops of one chunk.

    Args: image, weights: pointers to the image and to the transformed weights.
    """

    def __init__(
        self, plan: Winograd, e: Emitter, image: Value, weights: Value, finish: Finish
    ) -> None:
        super().__init__(plan, e, image, plan.line)
        self.plan, self.weights, self.finish = plan, weights, finish
        self.sums = self.behind

    def write(self) -> None:
        e, plan = self.e, self.plan
        number = e.chunk
        self.range = e.int(0)
        if plan.ranges > 1:
            self.range = e.binary("urem", number, e.int(plan.ranges))
            number = e.binary("udiv", number, e.int(plan.ranges))
        self.blocks(number, self._block)

    def _block(self) -> None:
        self.products()
        self.results()

    # -- the products ------------------------------------------------------------------------

    def products(self) -> None:
        e, plan = self.e, self.plan
        lanes = plan.lanes
        sizes = {"i": SEEN, "j": SEEN, "t": plan.tiles, "o": plan.width, "c": plan.channels}
        v = {"i": SEEN * plan.place, "j": plan.place, "t": plan.line, "c": 1}
        u = plan.weights.layout()
        h = {"i": 1, "j": 1, "t": 1, "o": 1}
        c = Contraction(sizes, Access(v), Access(u.strides), Access(h), "float")
        unrolled = 2 if plan.channels % 2 == 0 else 1
        together = SEEN if plan.folded else 1
        blocks = {"i": 1, "j": together, "t": plan.rows, "o": u.strides["j"], "c": unrolled}
        order = ("i", "o", "j", "t") if plan.folded else ("i", "j", "o", "t")
        registers = plan.machine.registers
        scheme = Scheme("o", lanes, blocks, order, ("c",), registers=registers)
        skipped = e.multiply(self.range, e.int(plan.width * u.starts["o"]))
        pointers = self.seen, e.step(self.weights, skipped, "float")
        finish = _Folding(self).take if plan.folded else self._keep
        nest = Products(e, c, scheme, (Layout.of(c.a), u), pointers, finish)
        nest.limits["t"] = e.int(0), self.count
        nest.results(list(scheme.results))

    @property
    def kept(self) -> int:
        """Sums that are kept for each tile and filter: four lines of two or four."""
        return SEEN * (TILE if self.plan.folded else SEEN)

    def place(self, tile: Affine, filters: Affine) -> Affine:
        """Where the sums of a tile begin, for the vector from this filter on."""
        return tile * (self.kept * self.plan.width) + filters * self.kept

    def _keep(self, index: dict[str, Affine], value: Value, mask: Value | None) -> None:
        """Stores a sum as it is."""
        at = index["i"] * SEEN + index["j"]
        place = self.place(index["t"], index["o"]) + at * self.plan.lanes
        self.e.store(value, self.e.address(self.sums, place, "float"))

    # -- the results -------------------------------------------------------------------------

    def results(self) -> None:
        e, plan = self.e, self.plan
        w = plan.window
        tiles, filters = Var("tile", plan.tiles), Var("f", plan.width)
        o = Var(w.filter, plan.filters, vector=True)
        p, q = (Var(x.place, x.size) for x in (w.rows, w.columns))
        skipped = e.multiply(self.range, e.int(plan.width))
        with e.over(tiles, 0, self.count):
            row, column = self.locate(tiles.value)
            p.value, q.value = (e.multiply(x, e.int(TILE)) for x in (row, column))
            for part in segments(plan.filters, plan.lanes):
                width = min(part.width, plan.lanes)
                mask = prefix(plan.lanes, width) if width < plan.lanes else None
                with e.over(filters, *self._range(part.first, part.stop), part.width):
                    o.value = e.add(skipped, filters.value)
                    self._result(tiles, filters, (p, q, o), mask)

    def _range(self, first: int, stop: int) -> tuple[int | Value, int | Value]:
        """Which of these filters are this chunk's, reckoned from its first."""
        e, plan = self.e, self.plan
        if plan.ranges == 1:
            return first, stop
        skipped = e.multiply(self.range, e.int(plan.width))
        low = e.intrinsic("smax", e.subtract(e.int(first), skipped), e.int(0))
        high = e.subtract(e.int(stop), skipped)
        return low, e.intrinsic("smin", high, e.int(plan.width))

    def _result(
        self, tiles: Var, filters: Var, at: tuple[Var, Var, Var], mask: Value | None
    ) -> None:
        e, plan = self.e, self.plan
        p, q, o = at
        start = self.place(Affine(0, {tiles: 1}), Affine(0, {filters: 1}))
        sums = [
            e.load(e.address(self.sums, start + k * plan.lanes, "float"), "float", plan.lanes,
                   fixed=False)
            for k in range(self.kept)
        ]  # fmt: skip
        size = self.kept // SEEN
        lines = [sums[i : i + size] for i in range(0, self.kept, size)]
        halves = lines if plan.folded else [_made(e, line) for line in lines]
        columns = [_made(e, [half[x] for half in halves]) for x in range(TILE)]
        values = self._propagated([list(row) for row in zip(*columns, strict=True)], at)
        outer = {x: Affine.of(var) for x, var in self.vars.items()}
        for y in range(TILE):
            with self._existing(p, y):
                for x in range(TILE):
                    with self._existing(q, x):
                        index = {**outer, p.name: Affine.of(p) + y, q.name: Affine.of(q) + x,
                                 o.name: Affine.of(o)}  # fmt: skip
                        self.finish(index, values[y][x], mask)

    def _propagated(
        self, values: list[list[Value]], at: tuple[Var, Var, Var]
    ) -> list[list[Value]]:
        """The results of a tile, summed directly where one of them is not finite."""
        e, plan = self.e, self.plan
        p, q, o = (var.value for var in at)
        wrong = not_finite(e, [value for row in values for value in row])
        image = one_image(e, self.vars, self.image, plan.contraction.a)
        skipped = e.multiply(o, e.int(TAPS * TAPS * plan.channels))
        weights = e.step(self.weights, e.int(plan.weights.transformed), "float")
        weights = e.step(weights, skipped, "float")
        slots = [[e.slot(value) for value in row] for row in values]
        with rarely(e, wrong):
            for (y, row), x in itertools.product(enumerate(slots), range(TILE)):
                place = e.add(p, e.int(y)), e.add(q, e.int(x))
                e.put(row[x], convolved(e, plan, image, weights, *place))
        return [[e.get(slot) for slot in row] for row in slots]

    @contextmanager
    def _existing(self, var: Var, place: int) -> Iterator[None]:
        """Skips what lies behind the last line of the result."""
        if place == 0 or var.size % TILE == 0:
            yield
            return
        e = self.e
        inside = e.compare("slt", e.add(var.value, e.int(place)), e.int(var.size))
        with e.loop(e.int(0), e.convert("zext", inside, "i64"), 1, "inside"):
            yield


class _Folding:
    """The sums of a line of places, transformed in one direction as soon as they are there."""

    def __init__(self, tiles: Tiles) -> None:
        self.tiles = tiles
        self.waiting: dict[int, list[Value]] = {}

    def take(self, index: dict[str, Affine], value: Value, mask: Value | None) -> None:
        line = self.waiting.setdefault(index["t"].const, [])
        line.append(value)
        if len(line) < SEEN:
            return
        e, lanes = self.tiles.e, self.tiles.plan.lanes
        place = self.tiles.place(index["t"], index["o"]) + index["i"] * (TILE * lanes)
        for x, sum_ in enumerate(_made(e, self.waiting.pop(index["t"].const))):
            e.store(sum_, e.address(self.tiles.sums, place + x * lanes, "float"))


def _made(e: Emitter, m: list[Value]) -> list[Value]:
    """Aᵀ m, in one direction."""
    return [e.add(e.add(m[0], m[1]), m[2]), e.subtract(e.subtract(m[1], m[2]), m[3])]
