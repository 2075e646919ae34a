"""Where the values between kernels lie: one arena, in which lives that do not overlap share.

Buffers begin at different multiples of a cache line modulo 4 KB, as processors are slow where
many addresses agree in their last twelve bits.
"""

from __future__ import annotations

from dataclasses import dataclass

LINE = 64
STAGGER = 17 * LINE  # added to each size, so that neighbours do not begin alike


@dataclass(slots=True, eq=False)
class Buffer:
    """Memory that kernels read and write.

    Args:
        home: "arena", or "input", "output", "constant", "status" for memory of others; "part"
            for a part of another buffer, `base`.
        size: bytes.
        number: which input, output or constant.
        first, last: the regions between which an arena's buffer is in use.
        offset: bytes from the beginning of the arena, or of `base`.
        stride: bytes by which a part moves with every turn of its loop.
    """

    home: str
    size: int
    number: int = 0
    first: int = 1 << 30
    last: int = -1
    offset: int = 0
    label: str = ""
    base: Buffer | None = None
    stride: int = 0

    def used_in(self, region: int) -> None:
        self.first, self.last = min(self.first, region), max(self.last, region)


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
