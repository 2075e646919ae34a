"""The tiles of the images, transformed:  V = Bᵀ d B, for each tile and channel.

V lies as [line of places] [place] [tile] [channel] in the scratch memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from chainrule.engines.native.contraction.form import Access
from chainrule.engines.native.contraction.kernel import Nest
from chainrule.engines.native.contraction.lanes import prefix
from chainrule.engines.native.contraction.scheme import segments
from chainrule.engines.native.contraction.winograd import RESERVED, SEEN, TILE, Axis, Tiling
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Var


class Image:
    """One chunk's tiles, block by block.

    Args:
        image: pointer to the images, from the first channel of the chunk on.
        zeros: how many numbers are read at a time where there is no image.
    """

    def __init__(self, tiling: Tiling, e: Emitter, image: Value, zeros: int) -> None:
        self.tiling, self.e, self.image = tiling, e, image
        self.vars = {x: Var(x, tiling.contraction.sizes[x]) for x in tiling.window.outer}
        self.padding = zeros
        self.zeros = e.step(e.scratch, e.int(RESERVED), "float")
        self.seen = e.step(self.zeros, e.int(zeros), "float")
        self.behind = e.step(self.seen, e.int(SEEN * SEEN * tiling.place), "float")

    def blocks(self, share: Value, work: Callable[[], None]) -> None:
        """Goes through the tiles of a share; `first` and `count` are those of a block."""
        e, tiling = self.e, self.tiling
        low = e.multiply(share, e.int(tiling.share))
        high = e.intrinsic("smin", e.add(low, e.int(tiling.share)), e.int(tiling.total))
        self.limits = low, high
        zero = e.constant("float", 0.0, tiling.lanes)
        for c in range(0, self.padding, tiling.lanes):
            e.store(zero, e.step(self.zeros, e.int(c), "float"))
        with e.loop(low, high, tiling.tiles, "block") as first:
            self.first = first
            self.count = e.intrinsic("smin", e.subtract(high, first), e.int(tiling.tiles))
            self.tiles()
            work()

    def locate(self, tile: Value) -> tuple[Value, Value]:
        """The row and the column of a tile; the outer letters get their values."""
        return located(self.e, self.tiling, self.vars, self.e.add(self.first, tile))

    def tiles(self) -> None:
        e, tiling = self.e, self.tiling
        a, w = tiling.contraction.a, tiling.window
        with e.loop(0, self.count, 1, "tile") as tile:
            row, column = self.locate(tile)
            corner = self.corner(self.image, a, row, column)
            inside = self._inside(w.rows, row), self._inside(w.columns, column)
            pointers = self.pointers(corner, a, w.offset, inside)
            start = e.step(self.seen, e.multiply(tile, e.int(tiling.line)), "float")
            for part in segments(tiling.channels, tiling.lanes):
                width = min(part.width, tiling.lanes)
                mask = prefix(tiling.lanes, width) if width < tiling.lanes else None
                with e.loop(part.first, part.stop, part.width, "c") as c:
                    self._tile(pointers, e.step(start, c, "float"), c, mask)
                    self._ask_for_next(corner, c)

    def corner(self, pointer: Value, t: Access, row: Value, column: Value) -> Value:
        """The address of a tile in an operand, but for the offset."""
        e, w = self.e, self.tiling.window
        start = one_image(e, self.vars, pointer, t)
        for axis, tile in ((w.rows, row), (w.columns, column)):
            start = e.step(start, e.multiply(tile, e.int(TILE * t.stride(axis.place))), "float")
        return start

    def pointers(
        self, corner: Value, t: Access, offset: int,
        exists: tuple[list[Value | None], list[Value | None]],
    ) -> list[list[Value]]:  # fmt: skip
        """Where the elements of a tile lie; zeros where there are none."""
        e, w = self.e, self.tiling.window
        steps = t.stride(w.rows.place), t.stride(w.columns.place)
        found: list[list[Value]] = [[] for _ in exists[0]]
        for (i, high), (j, wide) in itertools.product(*map(enumerate, exists)):
            pointer = e.step(corner, e.int(offset + i * steps[0] + j * steps[1]), "float")
            inside = e.both(high, wide)
            found[i].append(e.select(inside, pointer, self.zeros) if inside else pointer)
        return found

    def _ask_for_next(self, corner: Value, c: Value) -> None:
        """Has the processor fetch what the tile below will see in addition."""
        e, w = self.e, self.tiling.window
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
        e, tiling = self.e, self.tiling
        columns = [
            seen(e, [
                e.load(e.step(pointers[i][j], c, "float"), "float", tiling.lanes, mask,
                       fixed=False)
                for i in range(SEEN)
            ])
            for j in range(SEEN)
        ]  # fmt: skip
        for i in range(SEEN):
            for j, value in enumerate(seen(e, [column[i] for column in columns])):
                place = e.int((SEEN * i + j) * tiling.place)
                e.store(value, e.step(start, place, "float"))


class Products(Nest):
    """The loops of the products; how many tiles there are is known when they run."""

    def _alone(self, letter: str) -> bool:
        return False


def located(
    e: Emitter, tiling: Tiling, outer: Mapping[str, Var], number: Value
) -> tuple[Value, Value]:
    """The row and the column of a tile; the outer letters get their values."""
    w, rest = tiling.window, number
    column, row = Var("column", w.columns.tiles), Var("row", w.rows.tiles)
    digits = [column, row, *(outer[x] for x in reversed(w.outer))]
    for var in digits[:-1]:
        var.value = e.binary("urem", rest, e.int(var.size))
        rest = e.binary("udiv", rest, e.int(var.size))
    digits[-1].value = rest
    return row.value, column.value


def one_image(e: Emitter, outer: Mapping[str, Var], pointer: Value, t: Access) -> Value:
    """Where the image of a tile begins in an operand, but for the offset."""
    strides = {var: t.stride(x) for x, var in outer.items()}
    return e.address(pointer, Affine(0, strides), "float")


def seen(e: Emitter, d: list[Value]) -> list[Value]:
    """Bᵀ d, in one direction."""
    return [e.subtract(d[0], d[2]), e.add(d[1], d[2]), e.subtract(d[2], d[1]),
            e.subtract(d[1], d[3])]  # fmt: skip
