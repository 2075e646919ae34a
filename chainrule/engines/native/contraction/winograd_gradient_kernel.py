"""Writing one chunk of the gradient of a convolution's weights by tiles.

    for each block of tiles:
        V = Bᵀ d B, for each tile and channel             tiles()
        E = A g Aᵀ, for each tile and filter              gradients()
        M += Eᵀ V, sums over the tiles                    products()
    w = Gᵀ M G, for each filter and channel               results()

E lies as [line of places] [place] [tile] [filter], M as [line of places] [place] [filter]
[channel] in the scratch memory. The last line and column of A have their signs reversed, which
Gᵀ makes good.
"""

from __future__ import annotations

from chainrule.engines.native.contraction.form import PARTIAL, Access, Contraction
from chainrule.engines.native.contraction.kernel import Finish
from chainrule.engines.native.contraction.scheme import Layout, Scheme
from chainrule.engines.native.contraction.winograd import SEEN, TAPS, TILE, Axis
from chainrule.engines.native.contraction.winograd_direct import correlated, not_finite, rarely
from chainrule.engines.native.contraction.winograd_gradient import Gradient
from chainrule.engines.native.contraction.winograd_image import Image, Products
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Var

WINDOW = [(i, j) for i in range(TAPS) for j in range(TAPS)]


class Gradients(Image):
    """The loops of one chunk.

    Args: image, gradient: pointers to the image and to the gradient of the results.
    """

    def __init__(
        self, plan: Gradient, e: Emitter, image: Value, gradient: Value, finish: Finish
    ) -> None:
        rest = e.chunk
        self.skipped: list[Value] = []  # channels and filters before those of the chunk
        for ranges, width in zip(plan.ranges, (plan.channels, plan.filters), strict=True):
            digit = e.binary("urem", rest, e.int(ranges)) if ranges > 1 else e.int(0)
            rest = e.binary("udiv", rest, e.int(ranges)) if ranges > 1 else rest
            self.skipped.append(e.multiply(digit, e.int(width)))
        image = e.step(image, self.skipped[0], "float")
        super().__init__(plan, e, image, max(plan.line, plan.wide))
        self.plan, self.finish = plan, finish
        self.part = Var(PARTIAL, plan.partials, rest)
        self.gradient = e.step(gradient, self.skipped[1], "float")
        self.spread = self.behind
        self.sums = e.step(self.spread, e.int(SEEN * SEEN * plan.spread), "float")

    def write(self) -> None:
        e, plan = self.e, self.plan
        zero = e.constant("float", 0.0, plan.lanes)
        with e.loop(0, SEEN * SEEN * plan.filters * plan.channels, plan.lanes, "sum") as at:
            e.store(zero, e.step(self.sums, at, "float"))
        self.blocks(self.part.value, self._block)
        self.results()

    def _block(self) -> None:
        self.gradients()
        self.products()

    # -- the gradient of the results -----------------------------------------------------------

    def gradients(self) -> None:
        e, plan = self.e, self.plan
        b, w = plan.contraction.b, plan.window
        with e.loop(0, self.count, 1, "tile") as tile:
            row, column = self.locate(tile)
            corner = self.corner(self.gradient, b, row, column)
            exists = self._exists(w.rows, row), self._exists(w.columns, column)
            pointers = self.pointers(corner, b, b.offset, exists)
            start = e.step(self.spread, e.multiply(tile, e.int(plan.wide)), "float")
            with e.loop(0, plan.filters, plan.lanes, "o") as o:
                self._spread(pointers, e.step(start, o, "float"), o)

    def _exists(self, axis: Axis, tile: Value) -> list[Value | None]:
        """Whether each line of a tile is one of the gradient; None: always."""
        e = self.e
        if axis.size % TILE == 0:
            return [None, None]
        last = e.add(e.multiply(tile, e.int(TILE)), e.int(1))
        return [None, e.compare("slt", last, e.int(axis.size))]

    def _spread(self, pointers: list[list[Value]], start: Value, o: Value) -> None:
        """One vector of filters."""
        e, plan = self.e, self.plan
        columns = [
            _spread(e, [
                e.load(e.step(pointers[i][j], o, "float"), "float", plan.lanes, fixed=False)
                for i in range(TILE)
            ])
            for j in range(TILE)
        ]  # fmt: skip
        for i in range(SEEN):
            for j, value in enumerate(_spread(e, [column[i] for column in columns])):
                place = e.int((SEEN * i + j) * plan.spread)
                e.store(value, e.step(start, place, "float"))

    # -- the products ------------------------------------------------------------------------

    def products(self) -> None:
        e, plan = self.e, self.plan
        sizes = {"k": SEEN * SEEN, "t": plan.tiles, "o": plan.filters, "c": plan.channels}
        v = {"k": plan.place, "t": plan.line, "c": 1}
        g = {"k": plan.spread, "t": plan.wide, "o": 1}
        c = Contraction(sizes, Access(v), Access(g), Access(self._strides), "float")
        blocks = {"k": 1, "t": 1, "o": plan.rows, "c": plan.vectors * plan.lanes}
        registers = plan.machine.registers
        scheme = Scheme("c", plan.lanes, blocks, ("k", "c", "o"), ("t",), registers=registers)
        layouts, pointers = (Layout.of(c.a), Layout.of(c.b)), (self.seen, self.spread)
        nest = Products(e, c, scheme, layouts, pointers, self._add)
        nest.limits["t"] = e.int(0), self.count
        nest.results(list(scheme.results))

    @property
    def _strides(self) -> dict[str, int]:
        """Of the sums."""
        return {"k": self.plan.filters * self.plan.channels, "o": self.plan.channels, "c": 1}

    def _add(self, index: dict[str, Affine], value: Value, mask: Value | None) -> None:
        e, place = self.e, Affine()
        for x, step in self._strides.items():
            place = place + index[x] * step
        address = e.address(self.sums, place, "float")
        before = e.load(address, "float", value.lanes, fixed=False)
        e.store(e.add(before, value), address)

    # -- the results -------------------------------------------------------------------------

    def results(self) -> None:
        e, plan = self.e, self.plan
        w, sizes = plan.window, plan.contraction.sizes
        channel = Var(w.channel, sizes[w.channel], vector=True)
        filter_ = Var(w.filter, sizes[w.filter])
        with (
            e.loop(0, plan.filters, 1, "o") as o,
            e.loop(0, plan.channels, plan.lanes, "c") as c,
        ):
            channel.value, filter_.value = (
                e.add(x, skipped) for x, skipped in zip((c, o), self.skipped, strict=True)
            )
            index = {w.channel: Affine.of(channel), w.filter: Affine.of(filter_)}
            found = self._propagated(self._weights(o, c), o, c)
            for place, value in zip(WINDOW, found, strict=True):
                taps = {
                    axis.tap: Affine(TAPS - 1 - at if axis.flipped else at)
                    for axis, at in zip(w.axes, place, strict=True)
                }
                self.finish({**index, **taps, PARTIAL: Affine.of(self.part)}, value, None)

    def _weights(self, o: Value, c: Value) -> list[Value]:
        """Those of one filter and a vector of channels."""
        e, plan = self.e, self.plan
        start = e.step(self.sums, e.multiply(o, e.int(plan.channels)), "float")
        start = e.step(start, c, "float")
        columns = []
        for j in range(SEEN):
            places = [(SEEN * i + j) * self._strides["k"] for i in range(SEEN)]
            m = [
                e.load(e.step(start, e.int(place), "float"), "float", plan.lanes, fixed=False)
                for place in places
            ]
            columns.append(_folded(e, m))
        lines = [_folded(e, [column[i] for column in columns]) for i in range(TAPS)]
        return [value for line in lines for value in line]

    def _propagated(self, values: list[Value], o: Value, c: Value) -> list[Value]:
        """The weights, summed directly where one of them is not finite."""
        e, plan = self.e, self.plan
        image, gradient = e.step(self.image, c, "float"), e.step(self.gradient, o, "float")
        slots = [e.slot(value) for value in values]
        with rarely(e, not_finite(e, values)):
            for (i, j), slot in zip(WINDOW, slots, strict=True):
                place = e.int(i), e.int(j)
                e.put(slot, correlated(e, plan, image, gradient, self.limits, *place))
        return [e.get(slot) for slot in slots]


def _spread(e: Emitter, g: list[Value]) -> list[Value]:
    """A g, in one direction; the sign of the last one is reversed."""
    return [g[0], e.add(g[0], g[1]), e.subtract(g[0], g[1]), g[1]]


def _folded(e: Emitter, m: list[Value]) -> list[Value]:
    """Gᵀ m, in one direction."""
    half = e.constant("float", 0.5)
    ends, middle = (e.multiply(f(m[1], m[2]), half) for f in (e.add, e.subtract))
    return [e.add(m[0], ends), middle, e.subtract(ends, m[3])]
