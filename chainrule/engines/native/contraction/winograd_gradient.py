"""Gradients of the weights of 3 by 3 convolutions by fewer multiplications.

What two results give to three weights needs four products instead of six:

    w = Gᵀ (A g ⊙ Bᵀ d)

with the transforms of winograd.py, each the transpose of what it is there, but for B. In two
directions, a tile of 2 by 2 gradients takes 16 products for each pair of channels, not 36; the
sums over the tiles are 16 matrix products, and Gᵀ comes after them.

Notes: rounding errors are about those of the direct way. What comes out as NaN or infinite is
summed again, directly.

Source: S. Winograd, Arithmetic Complexity of Computations, 1980.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from chainrule.engines.native.contraction.choice import Machine
from chainrule.engines.native.contraction.form import Contraction
from chainrule.engines.native.contraction.scheme import segments
from chainrule.engines.native.contraction.winograd import (
    CHUNKS,
    LIMIT,
    SEEN,
    TAPS,
    Tiling,
    Window,
    apart,
    arranged,
    line,
    total,
)

BLOCK = 1 << 18  # bytes of transformed tiles that should stay in the second cache
MANY = 64  # tiles that are worked on together, at most
WIDTH = 128  # channels and filters of a chunk, at most
PARTS = 16  # partial results, at most
CYCLES = 60_000  # of one chunk, at least


@dataclass(frozen=True)
class Gradient(Tiling):
    """How the gradient of a convolution's weights is computed by tiles.

    Args:
        filters: of a chunk.
        rows, vectors: of a register tile: filters and vectors of channels.
    """

    filters: int
    rows: int
    vectors: int
    weights: ClassVar = None  # no operand is copied

    @property
    def along(self) -> str:
        """The letter of the vectors."""
        return self.window.channel

    @property
    def wide(self) -> int:
        """Elements from one transformed tile of the gradient to the next."""
        return line(self.filters, self.lanes)

    @property
    def spread(self) -> int:
        """Elements from one of its 4 by 4 places to the next."""
        return apart(self.tiles * self.wide, self.lanes)

    @property
    def partials(self) -> int:
        return -(-self.total // self.share)

    @property
    def ranges(self) -> tuple[int, int]:
        """Into how many pieces the channels and the filters are cut."""
        sizes, w = self.contraction.sizes, self.window
        return sizes[w.channel] // self.channels, sizes[w.filter] // self.filters

    @property
    def chunks(self) -> int:
        return self.partials * self.ranges[0] * self.ranges[1]

    @property
    def scratch(self) -> int:
        """Bytes of memory: the transformed tiles and the sums."""
        return 4 * SEEN * SEEN * (self.place + self.spread + self.channels * self.filters)


def window(c: Contraction) -> Window | None:
    """The convolution without strides whose weights' gradient a contraction is, if it is one.

    Args: c: without letters of size one.
    """
    a, b = c.a, c.b
    filters = [x for x in c.outputs if not a.has(x)]
    seen = [x for x in c.outputs if a.has(x) and not b.has(x)]
    taps = [x for x in seen if c.sizes[x] == TAPS and a.stride(x) != 1]
    channels = [x for x in seen if a.stride(x) == 1 and not a.bounded(x)]
    if c.kind != "float" or b.bounds or len(c.outputs) != 4:
        return None
    if (len(filters), len(taps), len(channels)) != (1, 2, 1) or b.stride(filters[0]) != 1:
        return None
    if not all(a.has(x) and b.has(x) for x in c.sums):
        return None
    return arranged(c, taps, list(c.sums), channels[0], filters[0])


def gradient(c: Contraction, machine: Machine, whole: bool) -> Gradient | None:
    """A plan by tiles, where a contraction allows it: the fastest of several.

    Args:
        c: without letters of size one.
        whole: whether there must be one result, not several to be added up.
    """
    found = window(c)
    if found is None or not c.count:
        return None
    if min(found.rows.size, found.columns.size) < SEEN:
        return None
    plans = [
        plan
        for wanted in (1, 4, CHUNKS)
        for plan in _plans(c, found, machine, wanted, 1 if whole else PARTS)
        if plan.scratch <= LIMIT
    ]
    least = min((plan.cycles for plan in plans), default=0)
    wanted = min(CHUNKS, least // CYCLES)
    return min(plans, key=lambda plan: (-min(plan.chunks, wanted), plan.cycles), default=None)


def _plans(
    c: Contraction, w: Window, machine: Machine, wanted: int, parts: int
) -> Iterator[Gradient]:
    """For each width of a chunk, as few parts as give the chunks that are wanted."""
    lanes, count = machine.lanes, total(c, w)
    sizes = c.sizes[w.channel], c.sizes[w.filter]
    for channels, filters in itertools.product(*(_widths(n, lanes) for n in sizes)):
        ranges = sizes[0] // channels * (sizes[1] // filters)
        share = -(-count // min(parts, -(-wanted // ranges)))
        block = BLOCK // (4 * SEEN * SEEN * (channels + filters))
        tiles = min(share, MANY, max(lanes, block))
        shape = _register_tile(machine, filters, channels // lanes)
        plan = Gradient(c, w, machine, channels, tiles, share, 0.0, filters, *shape)
        yield replace(plan, cycles=_estimate(plan, machine))


def _widths(size: int, lanes: int) -> list[int]:
    """Equal pieces, in whole vectors."""
    return [n for n in range(lanes, min(size, WIDTH) + 1, lanes) if size % n == 0]


@functools.cache
def _register_tile(machine: Machine, filters: int, channels: int) -> tuple[int, int]:
    """Filters, and vectors of channels."""
    sizes = [(r, q) for r in range(1, 29) for q in range(1, 5) if machine.fits(r, q)]
    return min(sizes, key=lambda size: _products(machine, filters, channels, *size))


def _products(machine: Machine, filters: int, channels: int, rows: int, vectors: int) -> float:
    """Cycles of one place of one tile; each further form of the register tile costs as well."""
    repeat = 0.5 if machine.wide else 1.0 if machine.fused else 2.0
    shapes = list(itertools.product(segments(filters, rows), segments(channels, vectors)))
    cycles = sum(
        x.count * y.count * (max(x.width * y.width, y.width + x.width * repeat, 8) + 1)
        for x, y in shapes
    )
    return cycles * (1 + 0.03 * (len(shapes) - 1))


def _estimate(plan: Gradient, machine: Machine) -> float:
    """Cycles: the products, the tiles transformed, the sums transformed back and stored.

    Notes: the factors are measured. The unit is that of the direct way, a vector multiplied.
    """
    channels, filters = plan.channels // plan.lanes, plan.filters // plan.lanes
    products = _products(machine, plan.filters, channels, plan.rows, plan.vectors)
    products += 2 * plan.filters * channels / plan.tiles
    tile = SEEN * SEEN * products + 80 * channels + 45 * filters + 30
    results = plan.filters * channels * plan.partials
    stored = results * (80 + 3 * TAPS * TAPS * plan.lanes)
    return plan.ranges[0] * plan.ranges[1] * (plan.total * tile + stored)
