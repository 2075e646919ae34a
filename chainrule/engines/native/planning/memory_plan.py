"""Where the values between kernels lie: one arena, in which lives that do not overlap share.

Buffers begin at different multiples of a cache line modulo 4 KB, as processors are slow where
many addresses agree in their last twelve bits.
"""

from __future__ import annotations

from chainrule.engines.native.code.buffers import Buffer

LINE = 64
STAGGER = 17 * LINE  # added to each size, so that neighbours do not begin alike


def arrange(buffers: list[Buffer]) -> int:
    """Give each buffer an offset; returns the size of the arena.

    The largest first, each at the lowest place that is free during its life.
    """
    placed: list[Buffer] = []
    total = 0
    for number, buffer in enumerate(sorted(buffers, key=lambda b: (-b.size, b.first, b.last))):
        size = _rounded(buffer.size)
        meets = [b for b in placed if b.first <= buffer.last and buffer.first <= b.last]
        offset = (number % 7) * LINE
        for other in sorted(meets, key=lambda b: b.offset):
            if other.offset >= offset + size:
                break
            offset = max(offset, other.offset + _rounded(other.size))
        buffer.offset = offset
        total = max(total, offset + size)
        placed.append(buffer)
    return total


def _rounded(size: int) -> int:
    return -(-max(size, 1) // LINE) * LINE + STAGGER
