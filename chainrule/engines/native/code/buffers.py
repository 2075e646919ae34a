"""The memory that kernels are given as arguments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Buffer:
    """Memory that kernels read and write.

    Args:
        home: "arena", or "input", "output", "constant", "status" for memory of others; "part"
            for a part of another buffer, `base`.
        size: bytes.
        number: which input, output or constant.
        first, last: the groups of kernels between which an arena's buffer is in use.
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

    def used_in(self, group: int) -> None:
        self.first, self.last = min(self.first, group), max(self.last, group)


#: where kernels say that something is wrong
STATUS = Buffer("status", 8)
