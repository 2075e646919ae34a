"""Choosing the letter of the lanes and the register tile, by counting cycles.

The count is rough: a vector multiplication a cycle, half a cycle for a number that is repeated,
one for a vector that is loaded; it only has to put the candidates in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chainrule.engines.native.contraction.form import Access, Contraction
from chainrule.engines.native.contraction.scheme import Scheme, decidable, segments, written

TEXT = 1200  # multiplications that may be written out
SHORT = 300  # as many cost nothing; each further one stands for time of the compiler
BRIEF = 4  # positions of a sum that are better written out than looped over
WINDOW = 16  # taps of a window that may be written out
NEAR = 1 << 13  # elements that fit into the first cache
FAR = 1 << 18  # elements that fit into the second one
CROWD = 256  # a stride, in elements, whose multiples share few places of a cache
OFTEN = 1536  # rows for which a copy of a panel is little
TURN = 12  # cycles to leave a loop
LATENCY = 10  # independent sums that keep the multipliers busy


@dataclass(frozen=True)
class Machine:
    """What a kernel is made for."""

    lanes: int  # of the contraction's kind
    registers: int
    wide: bool  # whether a multiplication can repeat a number that it reads from memory
    fused: bool  # whether it can add, so that products need no registers

    def fits(self, rows: int, vectors: int, masks: int = 0) -> bool:
        """Whether a register tile has the registers that it needs.

        Args: masks: of vectors that are cut; only AVX2 has them among its vectors.
        """
        if not self.fused:
            return 2 * rows * vectors <= self.registers
        spare = 3 if self.registers > 16 else 1 + masks
        return rows * vectors + vectors + spare <= self.registers


@dataclass(frozen=True)
class Choice:
    scheme: Scheme
    packed: tuple[str | None, str | None]  # the letters by which operands are put in panels
    cycles: float


def choose(c: Contraction, machine: Machine) -> Choice:
    """The candidate of the fewest cycles; the first of equals."""
    candidates = [
        choice
        for letter in c.sizes
        for choice in (_along(c, machine, letter) if letter in c.outputs else
                       _summed(c, machine, letter))
    ]  # fmt: skip
    candidates.append(_scalar(c))
    return min(candidates, key=lambda x: x.cycles)


def _scalar(c: Contraction) -> Choice:
    blocks = dict.fromkeys(c.sizes, 1)
    return Choice(Scheme(None, 1, blocks), (None, None), 4.0 * c.count)


# -- lanes along a letter of the result ------------------------------------------------------


def _along(c: Contraction, machine: Machine, vector: str) -> Iterator[Choice]:
    """The best register tile; long code counts against it."""
    best: Choice | None = None
    for cycles, tile in sorted(_tiles(c, machine, vector), key=lambda x: x[0]):
        if best is not None and cycles >= best.cycles:
            break
        scheme = _tiled(c, machine, vector, tile)
        if scheme is None or not (_single_step(c, scheme) or has_room(c, machine, scheme)):
            continue
        excess = max(0, written(scheme, c) - SHORT) / SHORT
        total = cycles * (1 + 0.06 * excess) + _turns(c, scheme)
        if best is None or total < best.cycles:
            best = Choice(scheme, (None, None), total)
    if best is not None:
        yield _packed(c, machine, best)


def _turns(c: Contraction, scheme: Scheme) -> float:
    """Cycles lost where the innermost loop ends: little, if it is long."""
    loops = [x for x in c.sums if scheme.blocks[x] < c.sizes[x]]
    if not loops:
        return 0
    inner = min(loops, key=lambda x: max(abs(t.stride(x)) for t in c.operands))
    steps = math.prod(-(-n // scheme.blocks[x]) for x, n in c.sizes.items())
    return TURN * steps / (c.sizes[inner] / scheme.blocks[inner])


def _tiles(
    c: Contraction, machine: Machine, vector: str
) -> Iterator[tuple[float, dict[str, int]]]:
    """Register tiles with their cycles: letter → elements."""
    holders = [t.has(vector) for t in c.operands]
    if not any(holders):
        return
    vectors = -(-c.sizes[vector] // machine.lanes)
    for widths in _widths(c, _rows(c, holders, vector)):
        rows = math.prod(widths.values())
        for q in range(1, min(vectors, 8) + 1):
            if machine.fits(rows, q):
                tile = {**widths, vector: q * machine.lanes}
                yield _cycles_along(c, tile, machine, vector, all(holders)), tile


def _single_step(c: Contraction, scheme: Scheme) -> bool:
    """Whether the body of the loops is one step of the sum."""
    return all(scheme.blocks[x] == 1 for x in c.sums)


def has_room(c: Contraction, machine: Machine, scheme: Scheme) -> bool:
    """Whether the mask of the last vector, which may be cut, can stay in a register.

    Notes: a body of a single step needs no more: it reads the mask before it reads numbers.
    """
    vector = scheme.vector
    if vector not in c.outputs:
        return True
    last = c.sizes[vector] % scheme.blocks[vector]
    copied = all(_panels(c, t, scheme) for t in c.operands if t.has(vector))
    if copied or last % machine.lanes == 0:
        return True
    rows = math.prod(scheme.blocks[x] for x in c.outputs if x != vector)
    return machine.fits(rows, -(-last // machine.lanes), 1)


def _packed(c: Contraction, machine: Machine, choice: Choice) -> Choice:
    """With the copies that are needed, or that pay."""
    scheme = choice.scheme
    assert scheme.vector is not None
    letters = [_panels(c, t, scheme) for t in c.operands]
    extra = _finish_cost(c, scheme.vector, machine)
    for t, letter in zip(c.operands, letters, strict=True):
        extra += _packing_cost(c, t, letter) if letter else 0
    return replace(choice, packed=(letters[0], letters[1]), cycles=choice.cycles + extra)


def _panels(c: Contraction, t: Access, scheme: Scheme) -> str | None:
    """The letter by which an operand must, or had better, be put in panels."""
    vector = scheme.vector
    assert vector is not None
    if t.has(vector):
        if t.lasting:
            return vector
        far = t.stride(vector) != 1 or _scattered(c, t, scheme, vector)
        return vector if far or _often_read(c, t, scheme) else None
    rows = [x for x in c.outputs if scheme.blocks[x] > 1 and t.has(x)]
    if len(rows) != 1 or (t.stride(rows[0]) == 1 and scheme.blocks[rows[0]] % _line(c) == 0):
        return None
    return rows[0] if _scattered(c, t, scheme, rows[0]) else None


def _often_read(c: Contraction, t: Access, scheme: Scheme) -> bool:
    """Whether so many rows go through the same panels that a copy of them costs nothing."""
    assert scheme.vector is not None
    sums = [x for x in c.sums if t.has(x)]
    panel = scheme.blocks[scheme.vector] * math.prod(c.sizes[x] for x in sums)
    apart = c.sizes[scheme.vector] > scheme.blocks[scheme.vector]
    rows = math.prod(c.sizes[x] for x in c.outputs if not t.has(x))
    return apart and not t.bounds and panel >= NEAR and rows >= OFTEN


def _scattered(c: Contraction, t: Access, scheme: Scheme, letter: str) -> bool:
    """Whether an operand, read often, lies in lines that crowd each other out of the cache."""
    sums = [x for x in c.sums if t.has(x)]
    if t.bounds or not sums:
        return False
    passes = math.prod(-(-c.sizes[x] // scheme.blocks[x]) for x in c.outputs if not t.has(x))
    line = max(scheme.blocks[letter], _line(c))
    panel = line * math.prod(c.sizes[x] for x in sums)
    nearest = min(abs(t.stride(x)) for x in sums)
    crowded = nearest % CROWD == 0 or t.stride(letter) % CROWD == 0
    far = panel >= NEAR and (letter == scheme.vector or _volume(c, t) > FAR)
    return crowded and ((passes >= 16 and panel >= NEAR // 8) or (passes >= 8 and far))


def _rows(c: Contraction, holders: list[bool], vector: str) -> list[str]:
    """Letters of the result for which a loaded vector serves again, the nearest first."""
    found = []
    for x in c.outputs:
        inside = [t.has(x) for t in c.operands]
        if x == vector or all(inside) or not any(inside):
            continue
        if all(holders) or not holders[inside.index(True)]:
            found.append(x)
    stride = {x: max(abs(t.stride(x)) for t in c.operands) for x in found}
    return sorted(found, key=lambda x: stride[x])


def _widths(c: Contraction, rows: list[str]) -> Iterator[dict[str, int]]:
    """Tiles of rows: a part of the nearest letter, or all of it and a part of the next."""
    yield {}
    whole: dict[str, int] = {}
    for x in rows:
        for n in range(2, min(c.sizes[x], 28) + 1):
            yield {**whole, x: n}
        whole[x] = c.sizes[x]
        if math.prod(whole.values()) > 28:
            return


def _tiled(
    c: Contraction, machine: Machine, vector: str, tile: dict[str, int]
) -> Scheme | None:
    """The scheme of a tile, with windows written out as far as it needs; None if too long."""
    blocks = dict.fromkeys(c.sizes, 1) | tile
    scheme = Scheme(vector, machine.lanes, blocks, c.outputs, c.sums)
    cut = {x for x in tile if x != vector and not scheme.fixed(x, c)}
    for b in (b for t in c.operands for b in t.bounds):
        if cut & b.factors.keys():
            windows = (x for x in b.factors if x in c.sums and c.sizes[x] <= WINDOW)
            blocks = blocks | {x: c.sizes[x] for x in windows}
    scheme = replace(scheme, blocks=blocks)
    if len(tile) == 1:
        return scheme
    if not decidable(scheme, c) or written(scheme, c) > TEXT:
        return None
    return _without_short_loops(c, scheme)


def _without_short_loops(c: Contraction, scheme: Scheme) -> Scheme:
    """Sums of few positions inside a bound written out, where that is not too long."""
    bounded = [x for x in c.sums if c.a.bounded(x) or c.b.bounded(x)]
    for x in reversed(bounded):
        if scheme.blocks[x] == 1 and c.sizes[x] <= BRIEF:
            longer = replace(scheme, blocks=dict(scheme.blocks) | {x: c.sizes[x]})
            if decidable(longer, c) and written(longer, c) <= TEXT:
                scheme = longer
    return scheme


def _share(c: Contraction, tile: dict[str, int]) -> float:
    """How much of a tile counts: rows that lie outside of a bound are left out."""
    share = 1.0
    for b in (b for t in c.operands for b in t.bounds):
        whole = [x for x in b.factors if tile.get(x, 0) >= c.sizes[x]]
        if len(b.factors) == 2 and whole:
            (x, f), (y, g) = b.factors.items()
            values = [b.const + f * i + g * j for i in range(c.sizes[x])
                      for j in range(c.sizes[y])]  # fmt: skip
            share *= sum(0 <= v < b.size for v in values) / max(1, len(values))
    return share


def _reading(c: Contraction, tile: dict[str, int], vector: str) -> float:
    """Cycles to read a vector: a panel that is read again and again lies where it fits."""
    panel = tile[vector] * math.prod(c.sizes[x] for x in c.sums)
    return 1.0 if panel <= NEAR else 2.0 if panel <= FAR // 2 else 4.0


def _waiting(c: Contraction, rows: int, tile: dict[str, int], vector: str) -> float:
    """Cycles that a step of the sum waits for lines of memory, where rows lie beside each other
    but steps of the sum far apart, and all these lines do not stay in the second cache."""
    line = _line(c)
    turned = [
        t for t in c.operands
        if not t.has(vector) and any(t.stride(x) == 1 for x in tile)
        and all(abs(t.stride(x)) >= line for x in c.sums if t.has(x))
        and _volume(c, t) > 2 * FAR
    ]  # fmt: skip
    if not turned:
        return 0.0
    lines = tile[vector] / line + (rows / line if rows % line == 0 else 1 + (rows - 1) / line)
    crowd = lines * line * math.prod(c.sizes[x] for x in c.sums) / FAR
    return 2.0 * lines * min(1.0, max(0.0, 2.5 * (crowd - 0.25)))


def _line(c: Contraction) -> int:
    """The elements of one line of a cache."""
    return 64 // (4 if c.kind == "float" else 8)


def _cycles_along(
    c: Contraction, tile: dict[str, int], machine: Machine, vector: str, both: bool
) -> float:
    """Cycles of the loops, the blocks that remain at the ends included."""
    shapes = [(1, 1, 1)]  # how often, rows, vectors
    for x, width in tile.items():
        wide = x == vector
        shapes = [
            (n * s.count, r if wide else r * s.width,
             q * -(-s.width // machine.lanes) if wide else q)
            for n, r, q in shapes
            for s in segments(c.sizes[x], width)
        ]  # fmt: skip
    rest = math.prod(n for x, n in c.sizes.items() if x not in tile)
    repeat = 0.5 if machine.wide else 1.0 if machine.fused else 2.0
    share, reading = _share(c, tile), _reading(c, tile, vector)
    rows = math.prod(n for x, n in tile.items() if x != vector)
    waiting = _waiting(c, rows, tile, vector) / (rows * tile[vector] / machine.lanes)
    one = sum(
        n * (max(r * q * share, reading * q + r * (q if both else repeat), LATENCY)
             + 0.2 * (r + q) + waiting * r * q)
        for n, r, q in shapes
    )  # fmt: skip
    lines = tile[vector] / _line(c)
    return rest * one * (1 + 0.01 * (len(shapes) - 1) + (0.04 if lines % 1 else 0))


def _finish_cost(c: Contraction, vector: str, machine: Machine) -> float:
    """Cycles to store the results: whole vectors, or numbers one by one, near or far."""
    results = math.prod(c.sizes[x] for x in c.outputs)
    step = abs(c.y.stride(vector))
    return results * (1 / machine.lanes if step == 1 else 8 if step <= 32 else 16)


def _packing_cost(c: Contraction, t: Access, letter: str) -> float:
    if t.lasting:
        return 0.0
    if t.stride(letter) == 1:
        return 0.2 * _volume(c, t)
    turned = any(t.stride(x) == 1 for x in c.sizes if x != letter) and not t.bounds
    return _volume(c, t) * (0.5 if turned else 2.0)


def _volume(c: Contraction, t: Access) -> int:
    """The elements of an operand, one for each combination of its letters."""
    return math.prod(n for x, n in c.sizes.items() if t.has(x))


# -- lanes along a letter of the sum ---------------------------------------------------------


def _summed(c: Contraction, machine: Machine, vector: str) -> Iterator[Choice]:
    strides = [t.stride(vector) for t in c.operands]
    if not any(s == 1 for s in strides) or not c.sizes[vector]:
        return
    if any(t.bounded(vector) for t in c.operands):
        return
    across = _single(c, 1, machine) or _single(c, 0, machine)
    row = _single(c, 0, machine) if across and c.b.has(across) else _single(c, 1, machine)
    best: Choice | None = None
    for columns in _column_widths(c, across, machine):
        for rows in range(1, min(c.sizes[row] if row else 1, 6) + 1):
            if not machine.fits(rows, columns):
                continue
            choice = _dot(c, machine, vector, across, columns, row, rows)
            if choice is not None and (best is None or choice.cycles < best.cycles):
                best = choice
    if best is not None:
        letters = [None if s in (0, 1) else vector for s in strides]
        extra = sum(
            _packing_cost(c, t, vector)
            for t, x in zip(c.operands, letters, strict=True) if x
        )  # fmt: skip
        yield replace(best, packed=(letters[0], letters[1]), cycles=best.cycles + extra)


def _single(c: Contraction, operand: int, machine: Machine) -> str | None:
    """The letter of the result that only one operand has, preferably without a bound."""
    mine, other = c.operands[operand], c.operands[1 - operand]
    found = [x for x in c.outputs if mine.has(x) and not other.has(x)]
    return min(
        found,
        key=lambda x: (mine.bounded(x), c.sizes[x] < machine.lanes // 2, c.y.stride(x)),
        default=None,
    )


def _column_widths(c: Contraction, across: str | None, machine: Machine) -> list[int]:
    size = c.sizes[across] if across else 1
    return [w for w in (1, 2, 4, 8, 16) if w <= min(size, machine.lanes)]


def _dot(
    c: Contraction, machine: Machine, vector: str,
    across: str | None, columns: int, row: str | None, rows: int,
) -> Choice | None:  # fmt: skip
    blocks = dict.fromkeys(c.sizes, 1)
    blocks[vector] = machine.lanes
    if across:
        blocks[across] = columns
    if row:
        blocks[row] = rows
    scheme = Scheme(vector, machine.lanes, blocks, c.outputs, c.sums, across)
    if not decidable(scheme, c) and rows * columns > 1:
        return None
    steps = math.prod(c.sizes[x] for x in c.sums if x != vector)
    steps *= -(-c.sizes[vector] // machine.lanes)
    tiles = math.prod(-(-c.sizes[x] // blocks[x]) for x in c.outputs)
    one = max(rows * columns, rows + columns, 8) + 0.2 * (rows + columns)
    cycles = tiles * (steps * one + 3.0 * rows * columns + 4)
    return Choice(scheme, (None, None), cycles)
