"""How long the parts of a graph took: rows of a table, whichever engine ran it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One kernel of the native engine, or one equation of the reference engine.

    Args:
        name: the kernel's number, or the equation's.
        role: the kind of the kernel, or what the function does for it.
        title: the operations.
        seconds: the median over the runs.
        flops, read, written: the latter in bytes of whole arrays.
        limit: the least seconds on this machine for so many FLOPs and bytes; 0 if not known.
    """

    name: str
    role: str
    title: str
    module: str
    line: str
    chunks: int
    seconds: float
    flops: int
    read: int
    written: int
    limit: float = 0.0

    @property
    def roofline(self) -> float:
        """The part of the seconds that this machine needs in any case."""
        return self.limit / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        seconds = self.seconds or float("inf")
        rates = {
            "flops_per_second": self.flops / seconds,
            "bytes_per_second": (self.read + self.written) / seconds,
        }
        return asdict(self) | rates | {"roofline": self.roofline}


@dataclass(frozen=True)
class Measurement:
    """One run of a graph, from medians.

    Args:
        total: seconds of a whole run.
        outside: seconds of it outside the rows: Python, and between the kernels.
    """

    rows: list[Row]
    total: float
    outside: float
    repeat: int
    threads: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = [row.as_dict() | {"share": self.share(row)} for row in self.rows]
        limit = sum(row.limit for row in self.rows)
        return {
            "total": self.total, "outside": self.outside, "limit": limit,
            "repeat": self.repeat, "threads": self.threads, "rows": rows,
        }  # fmt: skip

    def share(self, row: Row) -> float:
        """The part of a row in the whole."""
        whole = self.outside + sum(each.seconds for each in self.rows)
        return row.seconds / whole if whole else 0.0
