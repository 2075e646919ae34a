"""Convolutions with windows of 3 by 3 by fewer multiplications.

Two results of a window of three need four products instead of six:

    y = Aᵀ (G g ⊙ Bᵀ d)

    Bᵀ = 1  0 -1  0      G = 1    0    0      Aᵀ = 1  1  1  0
         0  1  1  0          1/2  1/2  1/2         0  1 -1 -1
         0 -1  1  0          1/2 -1/2  1/2
         0  1  0 -1          0    0    1

In two directions, a tile of 2 by 2 results takes 16 products for each pair of channels, not 36.
The sums over the channels are 16 matrix products, one for each of the 4 by 4 places.

Notes: rounding errors are about those of the direct way. Results see the same elements as in
the direct way; those that come out as NaN or infinite are summed again, directly.

Source: S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, "Fast
algorithms for convolutional neural networks", 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from chainrule.engines.native.contraction.choice import Machine
from chainrule.engines.native.contraction.form import Contraction
from chainrule.engines.native.contraction.winograd_weights import Weights

TILE = 2  # results of a tile, in each direction
SEEN = 4  # elements of the image that it sees
TAPS = 3
NEAR = 1 << 16  # bytes of weights with which the tiles should stay in the first cache
BLOCK = 1 << 18  # bytes of transformed tiles that should stay in the second one
LIMIT = 36 << 14  # bytes of scratch memory
RESERVED = 16  # numbers at its beginning that are left to others
CYCLES = 30_000  # of one chunk, at least
CHUNKS = 24  # that suffice, of what takes longer than LONG
MANY = 256  # chunks, at most, of one range of filters
LONG = 600_000
WIDTH = 128  # filters of a chunk, at least, where they are cut
FAR = 12 << 20  # bytes of weights that no cache keeps
GAIN = 1.08  # over the direct way, to be worth it


@dataclass(frozen=True)
class Axis:
    """One direction of the image.

    Args:
        place, tap: the letters of the result and of the window.
        size: of the result.
        stride: elements of memory from one line of the image to the next.
        start: the line that the first tap sees for the first result; before the image if < 0.
        lines: of the image.
        flipped: whether the window goes backwards.
    """

    place: str
    tap: str
    size: int
    stride: int
    start: int
    lines: int
    flipped: bool

    @property
    def tiles(self) -> int:
        return -(-self.size // TILE)


@dataclass(frozen=True)
class Window:
    """A contraction as a convolution: y[outer, rows, columns, filter].

    Args:
        outer: letters of the images.
        offset: where the image's element for the first tap of the first result would lie.
    """

    outer: tuple[str, ...]
    rows: Axis
    columns: Axis
    channel: str
    filter: str
    offset: int

    @property
    def axes(self) -> tuple[Axis, Axis]:
        return self.rows, self.columns


def window(c: Contraction) -> Window | None:
    """The convolution of 3 by 3 without strides that a contraction is, if it is one.

    Args: c: without letters of size one.
    """
    a, b, y = c.a, c.b, c.y
    filters = [x for x in c.outputs if not a.has(x)]
    both = [x for x in c.outputs if a.has(x) and b.has(x)]
    taps = [x for x in c.sums if c.sizes[x] == TAPS and a.stride(x) != 1]
    channels = [x for x in c.sums if a.stride(x) == 1 and not a.bounded(x)]
    if c.kind != "float" or b.bounds or both or len(c.sums) != 3:
        return None
    if (len(filters), len(taps), len(channels)) != (1, 2, 1) or y.stride(filters[0]) != 1:
        return None
    if not all(b.has(x) for x in c.sums):
        return None
    places = [x for x in c.outputs if x != filters[0]]
    return arranged(c, taps, places, channels[0], filters[0])


def arranged(
    c: Contraction, taps: list[str], places: list[str], channel: str, filter_: str
) -> Window | None:
    """The two directions of a window.

    Args: places: letters in which positions are to be found; the others are outer ones.
    """
    a = c.a
    axes = [axis for x in taps if (axis := _axis(c, x, places)) is not None]
    used = {x for axis in axes for x in (axis.place, axis.tap)}
    if len({axis.place for axis in axes}) < 2 or any(b.factors.keys() - used for b in a.bounds):
        return None
    rows, columns = sorted(axes, key=lambda axis: -axis.stride)
    outer = tuple(x for x in places if x not in used)
    offset = a.offset + sum(2 * a.stride(x.tap) for x in axes if x.flipped)
    return Window(outer, rows, columns, channel, filter_, offset)


def _axis(c: Contraction, tap: str, places: list[str]) -> Axis | None:
    """The direction in which a tap moves, with the letter of a position that moves likewise."""
    a = c.a
    for place in places:
        if a.stride(place) <= 0 or abs(a.stride(tap)) != a.stride(place):
            continue
        sign, size = a.stride(tap) // a.stride(place), c.sizes[place]
        bounds = [b for b in a.bounds if {place, tap} & b.factors.keys()]
        if not bounds:
            return Axis(place, tap, size, a.stride(place), 0, size + TAPS - 1, sign < 0)
        if len(bounds) == 1 and bounds[0].factors == {place: 1, tap: sign}:
            start = bounds[0].const - (TAPS - 1 if sign < 0 else 0)
            return Axis(place, tap, size, a.stride(place), start, bounds[0].size, sign < 0)
    return None


@dataclass(frozen=True)
class Tiling:
    """How tiles are worked on.

    Args:
        contraction: without letters of size one.
        machine: what the code is made for.
        channels: of a chunk.
        tiles: that are worked on together.
        share: tiles of a chunk.
    """

    contraction: Contraction
    window: Window
    machine: Machine
    channels: int
    tiles: int
    share: int
    cycles: float

    @property
    def lanes(self) -> int:
        return self.machine.lanes

    @property
    def total(self) -> int:
        """All tiles."""
        return total(self.contraction, self.window)

    @property
    def line(self) -> int:
        """Elements from one transformed tile to the next."""
        return line(self.channels, self.lanes)

    @property
    def place(self) -> int:
        """Elements from one of the 4 by 4 places to the next."""
        return apart(self.tiles * self.line, self.lanes)


@dataclass(frozen=True)
class Winograd(Tiling):
    """How a convolution is computed by tiles.

    Args:
        rows, vectors: of a register tile: tiles and vectors of filters.
        folded: whether the four sums of a line of places are in registers together.
        width: filters of a chunk.
    """

    weights: Weights
    rows: int
    vectors: int
    folded: bool
    width: int
    partials: ClassVar = 1

    @property
    def along(self) -> str:
        """The letter of the vectors."""
        return self.window.filter

    @property
    def filters(self) -> int:
        return self.contraction.sizes[self.window.filter]

    @property
    def ranges(self) -> int:
        """Into how many pieces the filters are cut."""
        return -(-self.filters // self.width)

    @property
    def chunks(self) -> int:
        return -(-self.total // self.share) * self.ranges


def line(channels: int, lanes: int) -> int:
    """Channels in whole vectors."""
    return apart(-(-channels // lanes) * lanes, lanes)


def apart(step: int, lanes: int) -> int:
    """A step away from the powers of two, whose multiples share places of a cache."""
    return step + lanes if step % 128 == 0 else step


def winograd(c: Contraction, machine: Machine) -> Winograd | None:
    """A plan by tiles, where a contraction allows it.

    Args: c: without letters of size one.
    """
    found = window(c)
    if found is None or not c.count:
        return None
    channels, filters = c.sizes[found.channel], c.sizes[found.filter]
    if min(channels, filters) < 16 or min(found.rows.size, found.columns.size) < SEEN:
        return None
    lanes = machine.lanes
    rows, vectors = _register_tile(machine, -(-filters // lanes))
    tiles = _block(channels, filters, lanes, rows)
    if tiles is None:
        return None
    weights = _weights(c, found, lanes, vectors)
    count, cycles = total(c, found), _estimate(c, found, machine, weights, tiles)
    if cycles > LONG and count < CHUNKS * tiles and 4 * weights.transformed <= FAR:
        tiles = -(-count // (CHUNKS * rows)) * rows
    share = max(tiles, -(-count * CYCLES // int(cycles)), -(-count // MANY))
    share = min(-(-share // tiles) * tiles, -(-count // rows) * rows)
    tiles = min(tiles, share)
    image, sums = 64 * line(channels, lanes) * tiles, (32 if machine.wide else 64) * tiles
    wanted = -(-CHUNKS * share // count) if cycles > LONG else 1
    width = _width(image, filters, lanes * vectors, sums, wanted)
    return Winograd(c, found, machine, channels, tiles, share, cycles, weights, rows, vectors,
                    machine.wide, width)  # fmt: skip


def _register_tile(machine: Machine, filters: int) -> tuple[int, int]:
    """Tiles, and vectors of filters.

    Notes: where a multiplication repeats a number from memory, a line of four places and one
    vector are as good as many vectors, and a line is transformed before it is stored.
    """
    if machine.wide:
        return max(n for n in range(1, 8) if n == 1 or machine.fits(SEEN * n, 1)), 1
    sizes = [(r, q) for r in range(1, 13) for q in range(1, 5) if machine.fits(r, q)]

    def loss(size: tuple[int, int]) -> float:
        """Numbers read for each product, and vectors that are none."""
        r, q = size
        return (1 / r + 1 / q) / 2 + 8 / (r * q) + (-filters % q) / filters

    return min(sizes, key=loss)


def _block(channels: int, filters: int, lanes: int, rows: int) -> int | None:
    """How many tiles are transformed together."""
    each = 4 * SEEN * SEEN * line(channels, lanes)
    near = 4 * SEEN * SEEN * channels * filters <= NEAR
    count = next((n for n in ((2,) if near else (4, 3)) if n * rows * each <= BLOCK), 2) * rows
    while count * each > LIMIT * 7 // 8:
        count -= rows
    return count or None


def _width(image: int, filters: int, block: int, sums: int, wanted: int) -> int:
    """How many filters at a time, so that chunks are many and the scratch memory suffices.

    Args:
        image, sums: bytes of the transformed tiles, and of the sums for one filter.
        wanted: pieces of the filters that would be enough.
    """
    blocks = -(-filters // block)
    most = max(1, (LIMIT - image) // (sums * block))
    ranges = max(-(-blocks // most), min(wanted, filters // WIDTH))
    return -(-blocks // ranges) * block


def _weights(c: Contraction, w: Window, lanes: int, vectors: int) -> Weights:
    flipped = [x.tap for x in (w.rows, w.columns) if x.flipped]
    strides = {x: -s if x in flipped else s for x, s in c.b.strides.items()}
    offset = c.b.offset + sum((TAPS - 1) * c.b.stride(x) for x in flipped)
    letters = w.filter, w.channel, w.rows.tap, w.columns.tap
    f, s, i, j = (strides.get(x, 0) for x in letters)
    return Weights(offset, (f, s, i, j), c.sizes[w.filter], c.sizes[w.channel], lanes, vectors)


def total(c: Contraction, w: Window) -> int:
    """How many tiles there are."""
    return math.prod(c.sizes[x] for x in w.outer) * w.rows.tiles * w.columns.tiles


def _estimate(
    c: Contraction, w: Window, machine: Machine, weights: Weights, tiles: int
) -> float:
    """Cycles: the products, the tiles transformed there and back, the weights.

    Notes: the factors are measured. The unit is that of the direct way, a vector multiplied.
    """
    channels, filters = (-(-c.sizes[x] // machine.lanes) for x in (w.channel, w.filter))
    products = SEEN * SEEN * c.sizes[w.channel] * filters * (1.15 if machine.fused else 1.8)
    transforms = (80 if machine.wide else 90) * (channels + filters) + 20
    count, size = total(c, w), 4 * weights.transformed
    read = size / 7 * (-(-count // tiles)) if size > FAR else 0
    made = 0 if c.b.lasting else weights.transformed * (1 if size > FAR else 0.5)
    return count * (products + transforms) + read + made
