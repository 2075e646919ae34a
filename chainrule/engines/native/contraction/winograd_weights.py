"""The weights of a convolution by tiles:  U = G g Gᵀ, in the order in which they are read.

    source    wherever the strides say
    target    [line of places] [block of filters] [channel] [place in the line] [filters]
    behind it [vector of filters] [channel] [tap]: the weights as they were

What the last block has too much is filled with zeros.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from chainrule.engines.native.contraction.lanes import insert, prefix, transposed
from chainrule.engines.native.contraction.scheme import Layout
from chainrule.engines.native.emitter import Emitter, Value

TAPS, PLACES = 3, 4  # in each direction
CHUNK = 1 << 12  # pairs of a channel and a filter that one chunk transforms


@dataclass(frozen=True)
class Weights:
    """How the weights are transformed.

    Args:
        strides: from one filter, channel, row and column to the next.
        vectors: of filters that lie together.
    """

    offset: int
    strides: tuple[int, int, int, int]
    filters: int
    channels: int
    lanes: int
    vectors: int

    @property
    def block(self) -> int:
        return self.lanes * self.vectors

    @property
    def whole(self) -> int:
        """The filters in whole blocks."""
        return -(-self.filters // self.block) * self.block

    @property
    def transformed(self) -> int:
        return PLACES * PLACES * self.channels * self.whole

    @property
    def size(self) -> int:
        return self.transformed + TAPS * TAPS * self.channels * self.whole

    @property
    def pairs(self) -> int:
        """How many pairs of a vector and a channel there are."""
        return self.whole // self.lanes * self.channels

    @property
    def share(self) -> int:
        """Pairs of a chunk."""
        return max(1, CHUNK // self.lanes)

    @property
    def chunks(self) -> int:
        return -(-self.pairs // self.share)

    def layout(self) -> Layout:
        """The letters are those of the products: i, j, c and o."""
        step = PLACES * self.block
        line = PLACES * self.channels * self.whole
        strides = {"i": line, "j": self.block, "c": step, "o": 1}
        return Layout(strides, {**strides, "o": PLACES * self.channels}, padded=True)

    def write(self, e: Emitter, source: Value, target: Value) -> None:
        """Transforms the pairs of one chunk; the last vectors may lack filters."""
        low = e.multiply(e.chunk, e.int(self.share))
        high = e.intrinsic("smin", e.add(low, e.int(self.share)), e.int(self.pairs))
        whole, rest = divmod(self.filters, self.lanes)
        counts = [self.lanes] * whole + [rest] * (rest > 0)
        counts += [0] * (self.whole // self.lanes - len(counts))
        for count, group in itertools.groupby(enumerate(counts), key=lambda x: x[1]):
            vectors = [i for i, _ in group]
            first, stop = vectors[0] * self.channels, (vectors[-1] + 1) * self.channels
            start = e.intrinsic("smax", low, e.int(first))
            end = e.intrinsic("smin", high, e.int(stop))
            with e.loop(start, end, 1, "pair") as pair:
                self._pair(e, pair, count, source, target)

    def _pair(self, e: Emitter, pair: Value, count: int, source: Value, target: Value) -> None:
        """One channel and a vector of filters, of which `count` exist."""
        vector = e.binary("udiv", pair, e.int(self.channels))
        channel = e.binary("urem", pair, e.int(self.channels))
        first = e.multiply(vector, e.int(self.lanes * self.strides[0]))
        first = e.add(first, e.multiply(channel, e.int(self.strides[1])))
        taps = self._taps(e, e.step(source, first, "float"), count)
        columns = [_spread(e, [taps[TAPS * i + j] for i in range(TAPS)]) for j in range(TAPS)]
        start = self._place(e, vector, channel, target)
        line = self.layout().strides["i"]
        for i in range(PLACES):
            for j, value in enumerate(_spread(e, [column[i] for column in columns])):
                e.store(value, e.step(start, e.int(i * line + j * self.block), "float"))
        kept = e.step(target, e.multiply(pair, e.int(TAPS * TAPS * self.lanes)), "float")
        for i, value in enumerate(taps):
            e.store(value, e.step(kept, e.int(self.transformed + i * self.lanes), "float"))

    def _place(self, e: Emitter, vector: Value, channel: Value, target: Value) -> Value:
        block = e.binary("udiv", vector, e.int(self.vectors))
        inside = e.binary("urem", vector, e.int(self.vectors))
        place = e.add(e.multiply(block, e.int(self.channels)), channel)
        place = e.multiply(place, e.int(PLACES * self.block))
        place = e.add(place, e.multiply(inside, e.int(self.lanes)))
        return e.step(target, place, "float")

    def _taps(self, e: Emitter, start: Value, count: int) -> list[Value]:
        """The taps, row by row, each of all filters."""
        _, _, i, j = self.strides
        places = [self.offset + i * k + j * m for k in range(TAPS) for m in range(TAPS)]
        if abs(i) != TAPS * abs(j) or abs(j) != 1 or i * j < 0:
            return [self._one_by_one(e, start, place, count) for place in places]
        low = min(places)
        found: list[Value] = []
        for first in range(0, len(places), self.lanes):
            width = min(self.lanes, len(places) - first)
            found += self._turned(e, start, low + first, width, count)
        return found if j > 0 else found[::-1]

    def _turned(
        self, e: Emitter, start: Value, place: int, width: int, count: int
    ) -> list[Value]:
        """Neighbouring taps: read for each filter, and turned."""
        if width == 1:
            return [self._one_by_one(e, start, place, count)]
        mask = prefix(self.lanes, width) if width < self.lanes else None
        rows = [e.constant("float", 0.0, self.lanes)] * self.lanes
        for lane in range(count):
            address = e.step(start, e.int(place + lane * self.strides[0]), "float")
            rows[lane] = e.load(address, "float", self.lanes, mask, fixed=False)
        return transposed(e, rows)[:width]

    def _one_by_one(self, e: Emitter, start: Value, place: int, count: int) -> Value:
        value = e.constant("float", 0.0, self.lanes)
        for lane in range(count):
            address = e.step(start, e.int(place + lane * self.strides[0]), "float")
            value = insert(e, value, e.load(address, "float", fixed=False), lane)
        return value


def _spread(e: Emitter, g: list[Value]) -> list[Value]:
    """G g, in one direction."""
    half = e.constant("float", 0.5)
    ends, middle = e.multiply(e.add(g[0], g[2]), half), e.multiply(g[1], half)
    return [g[0], e.add(ends, middle), e.subtract(ends, middle), g[2]]
