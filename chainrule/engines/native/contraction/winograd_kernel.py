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

from chainrule.engines.native.affine import Affine, Var
from chainrule.engines.native.contraction.form import Access, Contraction
from chainrule.engines.native.contraction.kernel import Finish, Nest
from chainrule.engines.native.contraction.lanes import prefix
from chainrule.engines.native.contraction.scheme import Layout, Scheme, segments
from chainrule.engines.native.contraction.winograd import RESERVED, SEEN, TILE, Axis, Winograd
from chainrule.engines.native.emitter import Emitter, Value


class Tiles:
    """The loops of one chunk.

    Args: image, weights: pointers to the image and to the transformed weights.
    """

    def __init__(
        self, plan: Winograd, e: Emitter, image: Value, weights: Value, finish: Finish
    ) -> None:
        self.plan, self.e, self.finish = plan, e, finish
        self.image, self.weights = image, weights
        self.vars = {x: Var(x, plan.contraction.sizes[x]) for x in plan.window.outer}
        self.zeros = e.step(e.scratch, e.int(RESERVED), "float")
        self.seen = e.step(self.zeros, e.int(plan.line), "float")
        places = SEEN * SEEN * plan.tiles * plan.line
        self.sums = e.step(self.seen, e.int(places), "float")

    def write(self) -> None:
        e, plan = self.e, self.plan
        number = e.chunk
        self.range = e.int(0)
        if plan.ranges > 1:
            self.range = e.binary("urem", number, e.int(plan.ranges))
            number = e.binary("udiv", number, e.int(plan.ranges))
        low = e.multiply(number, e.int(plan.share))
        high = e.intrinsic("smin", e.add(low, e.int(plan.share)), e.int(plan.total))
        zero = e.constant("float", 0.0, plan.lanes)
        for c in range(0, plan.line, plan.lanes):
            e.store(zero, e.step(self.zeros, e.int(c), "float"))
        with e.loop(low, high, plan.tiles, "block") as first:
            self.first = first
            self.count = e.intrinsic("smin", e.subtract(high, first), e.int(plan.tiles))
            self.tiles()
            self.products()
            self.results()

    def locate(self, tile: Value) -> tuple[Value, Value]:
        """The row and the column of a tile; the outer letters get their values."""
        e, w = self.e, self.plan.window
        rest = e.add(self.first, tile)
        found: list[Value] = []
        letters = [*((x, self.plan.contraction.sizes[x]) for x in w.outer),
                   ("", w.rows.tiles), ("", w.columns.tiles)]  # fmt: skip
        for i in reversed(range(len(letters))):
            x, n = letters[i]
            digit = rest if i == 0 else e.binary("urem", rest, e.int(n))
            rest = e.binary("udiv", rest, e.int(n)) if i else rest
            if x:
                self.vars[x].value = digit
            else:
                found.append(digit)
        return found[1], found[0]

    # -- the image ---------------------------------------------------------------------------

    def tiles(self) -> None:
        e, plan = self.e, self.plan
        with e.loop(0, self.count, 1, "tile") as tile:
            row, column = self.locate(tile)
            corner = self._corner(row, column)
            pointers = self._pointers(corner, row, column)
            start = e.step(self.seen, e.multiply(tile, e.int(plan.line)), "float")
            for part in segments(plan.channels, plan.lanes):
                width = min(part.width, plan.lanes)
                mask = prefix(plan.lanes, width) if width < plan.lanes else None
                with e.loop(part.first, part.stop, part.width, "c") as c:
                    self._tile(pointers, e.step(start, c, "float"), c, mask)
                    self._ask_for_next(corner, c)

    def _corner(self, row: Value, column: Value) -> Value:
        """The address of a tile in the image, but for the offset."""
        e, w = self.e, self.plan.window
        outer = {self.vars[x]: self.plan.contraction.a.stride(x) for x in w.outer}
        start = e.address(self.image, Affine(0, outer), "float")
        start = e.step(start, e.multiply(row, e.int(TILE * w.rows.stride)), "float")
        return e.step(start, e.multiply(column, e.int(TILE * w.columns.stride)), "float")

    def _pointers(self, corner: Value, row: Value, column: Value) -> list[list[Value]]:
        """Where the elements lie that a tile sees; zeros outside of the image."""
        e, w = self.e, self.plan.window
        rows, columns = self._inside(w.rows, row), self._inside(w.columns, column)
        found: list[list[Value]] = [[] for _ in rows]
        for (i, high), (j, wide) in itertools.product(enumerate(rows), enumerate(columns)):
            place = w.offset + i * w.rows.stride + j * w.columns.stride
            pointer = e.step(corner, e.int(place), "float")
            inside = e.both(high, wide)
            found[i].append(e.select(inside, pointer, self.zeros) if inside else pointer)
        return found

    def _ask_for_next(self, corner: Value, c: Value) -> None:
        """Has the processor fetch what the tile below will see in addition."""
        e, w = self.e, self.plan.window
        name = "llvm.prefetch.p0"
        e.declared[name] = f"declare void @{name}(ptr, i32, i32, i32)"
        for i, j in itertools.product(range(TILE), repeat=2):
            place = w.offset + (SEEN + i) * w.rows.stride + (1 + j) * w.columns.stride
            at = e.add(c, e.int(place))
            # Not `inbounds`, as it may lie behind the image; then nothing is fetched.
            text = f"getelementptr float, ptr {corner.name}, i64 {at.name}"
            address = e.pure(text, "ptr", 1, corner, at)
            e.effect(f"call void @{name}(ptr {address.name}, i32 0, i32 3, i32 1)")

    def _inside(self, axis: Axis, tile: Value) -> list[Value | None]:
        """Whether each line that a tile sees is one of the image; None: always."""
        e = self.e
        found: list[Value | None] = []
        for i in range(SEEN):
            first = axis.start + i
            always = first >= 0 and first + TILE * (axis.tiles - 1) < axis.lines
            at = e.add(e.multiply(tile, e.int(TILE)), e.int(first))
            found.append(None if always else e.compare("ult", at, e.int(axis.lines)))
        return found

    def _tile(
        self, pointers: list[list[Value]], start: Value, c: Value, mask: Value | None
    ) -> None:
        """One vector of channels."""
        e, plan = self.e, self.plan
        columns = [
            _seen(e, [
                e.load(e.step(pointers[i][j], c, "float"), "float", plan.lanes, mask,
                       fixed=False)
                for i in range(SEEN)
            ])
            for j in range(SEEN)
        ]  # fmt: skip
        for i in range(SEEN):
            for j, value in enumerate(_seen(e, [column[i] for column in columns])):
                place = (SEEN * i + j) * plan.tiles * plan.line
                e.store(value, e.step(start, e.int(place), "float"))

    # -- the products ------------------------------------------------------------------------

    def products(self) -> None:
        e, plan = self.e, self.plan
        line, lanes = plan.line, plan.lanes
        sizes = {"i": SEEN, "j": SEEN, "t": plan.tiles, "o": plan.width, "c": plan.channels}
        v = {"i": SEEN * plan.tiles * line, "j": plan.tiles * line, "t": line, "c": 1}
        u = plan.weights.layout()
        h = {"i": 1, "j": 1, "t": 1, "o": 1}
        c = Contraction(sizes, Access(v), Access(u.strides), Access(h), "float")
        unrolled = 2 if plan.channels % 2 == 0 else 1
        together = SEEN if plan.folded else 1
        blocks = {"i": 1, "j": together, "t": plan.rows, "o": u.strides["j"], "c": unrolled}
        order = ("i", "o", "j", "t") if plan.folded else ("i", "j", "o", "t")
        scheme = Scheme("o", lanes, blocks, order, ("c",))
        skipped = e.multiply(self.range, e.int(plan.width * u.starts["o"]))
        pointers = self.seen, e.step(self.weights, skipped, "float")
        finish = _Folding(self).take if plan.folded else self._keep
        nest = _Products(e, c, scheme, (Layout.of(c.a), u), pointers, finish)
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
        outer = {x: Affine.of(var) for x, var in self.vars.items()}
        for y in range(TILE):
            with self._existing(p, y):
                for x in range(TILE):
                    with self._existing(q, x):
                        index = {**outer, p.name: Affine.of(p) + y, q.name: Affine.of(q) + x,
                                 o.name: Affine.of(o)}  # fmt: skip
                        self.finish(index, columns[x][y], mask)

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


class _Products(Nest):
    """The loops of the products; how many tiles there are is known when they run."""

    def _alone(self, letter: str) -> bool:
        return False


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


def _seen(e: Emitter, d: list[Value]) -> list[Value]:
    """Bᵀ d, in one direction."""
    return [e.subtract(d[0], d[2]), e.add(d[1], d[2]), e.subtract(d[2], d[1]),
            e.subtract(d[1], d[3])]  # fmt: skip


def _made(e: Emitter, m: list[Value]) -> list[Value]:
    """Aᵀ m, in one direction."""
    return [e.add(e.add(m[0], m[1]), m[2]), e.subtract(e.subtract(m[1], m[2]), m[3])]
