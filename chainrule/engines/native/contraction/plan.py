"""From a contraction to a plan: what is copied first, and how the work is dealt out."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from chainrule.engines.native.contraction.choice import Machine, choose, has_room
from chainrule.engines.native.contraction.form import PARTIAL, Access, Contraction, normalized
from chainrule.engines.native.contraction.kernel import Finish, Nest
from chainrule.engines.native.contraction.packing import Packing
from chainrule.engines.native.contraction.scheme import Cut, Layout, Scheme
from chainrule.engines.native.contraction.winograd import GAIN, Winograd, winograd
from chainrule.engines.native.contraction.winograd_gradient import Gradient, gradient
from chainrule.engines.native.contraction.winograd_gradient_kernel import Gradients
from chainrule.engines.native.contraction.winograd_kernel import Tiles
from chainrule.engines.native.contraction.winograd_weights import Weights
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine

CYCLES = 30_000  # of one chunk, about 10 µs
FEW = 12  # chunks, at least, of what takes longer than LONG
MANY = 256  # chunks, at most
MOVE = 0.6  # cycles to read or write an element of memory
LONG = 600_000
LENGTH = 4096  # of a sum that may be cut
PARTS = 16  # partial results, at most
CACHE = 1 << 18  # elements that stay near


@dataclass(frozen=True)
class Plan:
    """How a contraction is computed.

    Args:
        given: the contraction as the caller knows it.
        contraction: the same with fewer letters.
        pack_a, pack_b: copies to be made first; the kernel then reads those.
        partials: how many results, one after another, are to be added up.
        partial_stride: elements from one to the next.
        chunks: into how many pieces the work is cut.
        by_tiles: how a convolution is computed with fewer products; the scheme then says no
            more than along which letter the vectors run.
    """

    given: Contraction
    contraction: Contraction
    scheme: Scheme
    pack_a: Packing | None
    pack_b: Packing | Weights | None
    partials: int
    partial_stride: int
    cycles: float
    by_tiles: Winograd | Gradient | None = None

    @property
    def chunks(self) -> int:
        if self.by_tiles is not None:
            return self.by_tiles.chunks
        if any(self.contraction.sizes[x] == 0 for x in self.contraction.outputs):
            return 0
        return math.prod(cut.count for cut in self.scheme.cuts)

    @property
    def flops(self) -> int:
        return 2 * self.contraction.count

    @property
    def layouts(self) -> tuple[Layout, Layout]:
        a, b = (
            Layout.of(access) if packing is None else packing.layout()
            for access, packing in zip(
                self.contraction.operands, (self.pack_a, self.pack_b), strict=True
            )
        )
        return a, b

    def write(self, e: Emitter, a: Value, b: Value, finish: Finish) -> None:
        """Writes one chunk; `finish` gets each result's index, value and mask."""

        def complete(index: dict[str, Affine], value: Value, mask: Value | None) -> None:
            letters = [*self.given.outputs, *([PARTIAL] if self.partials > 1 else [])]
            finish({x: index.get(x, Affine()) for x in letters}, value, mask)

        if isinstance(self.by_tiles, Winograd):
            Tiles(self.by_tiles, e, a, b, complete).write()
        elif isinstance(self.by_tiles, Gradient):
            Gradients(self.by_tiles, e, a, b, complete).write()
        else:
            Nest(e, self.contraction, self.scheme, self.layouts, (a, b), complete).write()

    def store(self, e: Emitter, y: Value) -> Finish:
        """The finish that only stores."""
        access = self.given.y

        def finish(index: dict[str, Affine], value: Value, mask: Value | None) -> None:
            place = Affine(access.offset)
            for x, form in index.items():
                stride = self.partial_stride if x == PARTIAL else access.stride(x)
                place = place + form * stride
            along = next((v for f in index.values() for v in f.terms if v.vector), None)
            step = place.terms.get(along, 1) if along else 1
            address = e.address(y, place, value.kind)
            if value.lanes == 1 or step == 1:
                e.store(value, address, mask)
                return
            steps = e.multiply(e.counting("i64", value.lanes), e.int(step))
            e.scatter(value, e.addresses(address, steps, value.kind), mask)

        return finish


def plan(
    c: Contraction, target_lanes: int, registers: int, keep: Iterable[str] = (),
    by_tiles: bool | None = None, whole: bool = False,
) -> Plan:  # fmt: skip
    """Decides everything about a contraction, from its sizes and the machine alone.

    Args:
        target_lanes: float32 numbers in a vector: 16, 8 or 4.
        registers: vector registers.
        keep: letters of the result whose index the caller needs by itself.
        by_tiles: whether convolutions of 3 by 3 are computed with fewer products: where it is
            faster (None), wherever it is possible (True), or never (False).
        whole: whether there must be one result, not several to be added up.
    """
    return _planned(c, target_lanes, registers, frozenset(keep), by_tiles, whole)


@functools.lru_cache(1024)
def _planned(
    c: Contraction, target_lanes: int, registers: int, keep: frozenset[str],
    by_tiles: bool | None, whole: bool,
) -> Plan:  # fmt: skip
    machine = _machine(c, target_lanes, registers)
    direct = _direct(c, machine, keep, whole)
    found = _by_tiles(normalized(c, c.sizes), machine, whole) if by_tiles is not False else None
    if found is None or (by_tiles is None and found.cycles * GAIN > direct.cycles):
        return direct
    scheme = Scheme(found.along, machine.lanes, dict.fromkeys(c.sizes, 1))
    return Plan(c, found.contraction, scheme, None, found.weights, found.partials,
                direct.partial_stride, found.cycles, found)  # fmt: skip


def _by_tiles(c: Contraction, machine: Machine, whole: bool) -> Winograd | Gradient | None:
    return winograd(c, machine) or gradient(c, machine, whole)


def _machine(c: Contraction, target_lanes: int, registers: int) -> Machine:
    lanes = target_lanes if c.kind == "float" else target_lanes // 2
    fused = target_lanes > 4 or registers > 16  # of 128 bits and 16 registers: SSE
    return Machine(lanes, registers, target_lanes == 16, fused)


def _direct(c: Contraction, machine: Machine, keep: frozenset[str], whole: bool) -> Plan:
    small = normalized(c, keep)
    choice = choose(small, machine)
    scheme = replace(choice.scheme, registers=machine.registers)
    packs = [
        _packing(small, t, scheme, letter) if letter else None
        for t, letter in zip(small.operands, choice.packed, strict=True)
    ]
    scheme = _ordered(small, scheme, packs)
    if has_room(small, machine, scheme):
        scheme = _unrolled(small, scheme)
    partial = None if whole else _partial(small, scheme, choice.cycles)
    cuts = _cuts(small, scheme, choice.cycles, partial)
    scheme = replace(scheme, cuts=cuts)
    partials = partial.count if partial else 1
    span = _span(small.y, small)
    return Plan(c, small, scheme, packs[0], packs[1], partials, span, choice.cycles)


def _span(t: Access, c: Contraction) -> int:
    """From the first to behind the last element."""
    return 1 + sum(abs(s) * (c.sizes[x] - 1) for x, s in t.strides.items())


def _packing(c: Contraction, t: Access, scheme: Scheme, letter: str) -> Packing:
    """Panels by a letter of the result; by a letter of the sum, all of it in one panel."""
    sizes = {x: n for x, n in c.sizes.items() if t.has(x)}
    outer = tuple(x for x in c.outputs if x in sizes and x != letter)
    sums = [x for x in c.sums if x in sizes and x != letter]
    inner = tuple(sorted(sums, key=lambda x: -abs(t.stride(x))))
    block = scheme.blocks[letter]
    if letter in c.sums:
        block = -(-sizes[letter] // scheme.lanes) * scheme.lanes
    return Packing(t, sizes, outer, inner, letter, block, scheme.lanes, c.kind)


def _ordered(c: Contraction, scheme: Scheme, packs: list[Packing | None]) -> Scheme:
    """The loops: those of the sum as the vectors lie in memory."""
    layouts = [
        Layout.of(t) if p is None else p.layout()
        for t, p in zip(c.operands, packs, strict=True)
    ]

    def far(x: str) -> tuple[bool, int, int]:
        held = [lay for lay in layouts if scheme.vector and lay.strides.get(scheme.vector)]
        steps = [abs(lay.strides.get(x, 0)) for lay in (held or layouts)]
        return x == scheme.vector, -max(steps), -max(abs(t.stride(x)) for t in c.operands)

    sums = tuple(sorted(c.sums, key=far))
    return replace(scheme, results=_results(c, scheme), sums=sums)


def _results(c: Contraction, scheme: Scheme) -> tuple[str, ...]:
    """The loops over the result: what both operands have, then as the results lie."""
    along = scheme.across or scheme.vector
    both = [x for x in c.outputs if all(t.has(x) for t in c.operands) and x != along]
    rest = [x for x in c.outputs if x not in both and x != along]
    rest.sort(key=lambda x: -abs(c.y.stride(x)))
    if along is None or along not in c.outputs:
        return (*both, *rest)
    holder = 0 if c.a.has(along) else 1
    other = c.operands[1 - holder]
    volume = math.prod(n for x, n in c.sizes.items() if other.has(x))
    if volume <= CACHE or not rest:
        return (*both, along, *rest)
    # Too much to be read once for every block of columns: the outermost rows come first.
    mine = math.prod(n for x, n in c.sizes.items() if c.operands[holder].has(x))
    if mine <= CACHE and len(rest) > 1:
        return (*both, rest[0], along, *rest[1:])
    return (*both, along, *rest)


def _unrolled(c: Contraction, scheme: Scheme) -> Scheme:
    """A short body written out several times."""
    if not scheme.sums:
        return scheme
    letter = scheme.sums[-1]
    bounded = any(t.bounded(letter) for t in c.operands)
    if bounded or letter not in c.sums:
        return scheme
    step = scheme.lanes if letter == scheme.vector else 1
    written = math.prod(
        min(c.sizes[x], w) // (scheme.lanes if x == scheme.vector else 1) or 1
        for x, w in scheme.blocks.items()
    )
    times = min(4, 32 // max(1, written), c.sizes[letter] // step)
    while times > 1 and (c.sizes[letter] // step) % times:
        times -= 1
    if times <= 1:
        return scheme
    return replace(scheme, blocks=dict(scheme.blocks) | {letter: times * step})


def _partial(c: Contraction, scheme: Scheme, cycles: float) -> Cut | None:
    """The letter over which the sum is cut, where the result is small and the sum long."""
    results = math.prod(c.sizes[x] for x in c.outputs)
    length = math.prod(c.sizes[x] for x in c.sums)
    free = [
        x for x in scheme.sums
        if x != scheme.vector and scheme.blocks[x] < c.sizes[x]
        and not any(t.bounded(x) for t in c.operands)
    ]  # fmt: skip
    if not free or cycles < LONG or length < LENGTH or 16 * length < results:
        return None
    letter = max(free, key=lambda x: (c.sizes[x], -scheme.sums.index(x)))
    # To write and add up the parts must be little beside reading the operands.
    read = sum(_span(t, c) for t in c.operands)
    count = min(c.sizes[letter], PARTS, read // (2 * results))
    return _cut(c, scheme, letter, count) if count > 1 else None


def _cuts(
    c: Contraction, scheme: Scheme, cycles: float, partial: Cut | None
) -> tuple[Cut, ...]:
    """Blocks of the outermost letters, until the chunks are many enough."""
    moved = sum(_span(t, c) for t in c.operands) + math.prod(c.sizes[x] for x in c.outputs)
    cycles = max(cycles, MOVE * moved)
    wanted = min(max(cycles / CYCLES, FEW if cycles > LONG else 1), MANY)
    found = [partial] if partial else []
    wanted /= partial.count if partial else 1
    for x in scheme.results:
        if wanted < 1.5 or c.sizes[x] == 0:
            break
        cut = _cut(c, scheme, x, wanted)
        if cut.count > 1:
            found.append(cut)
            wanted /= cut.count
    return tuple(found)


def _cut(c: Contraction, scheme: Scheme, letter: str, wanted: float) -> Cut:
    width = scheme.blocks[letter]
    blocks = -(-c.sizes[letter] // width)
    share = max(1, math.floor(blocks / wanted))
    return Cut(letter, share * width, -(-blocks // share))
