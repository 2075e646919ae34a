"""Reading files that may be gzipped, and may swell."""

from __future__ import annotations

import gzip
from pathlib import Path

MOST_UNPACKED = 2**30  # bytes; gzip packs zeros a thousandfold
AT_ONCE = 2**20


def read_unpacked(path: str | Path) -> bytes:
    """The bytes of a file, unpacked if it is gzipped.

    Raises: OSError, EOFError or zlib.error for a file that is missing, damaged or swells.
    """
    content = Path(path).read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    parts, size = [], 0
    with gzip.open(path) as packed:
        while part := packed.read(AT_ONCE):
            parts.append(part)
            size += len(part)
            if size > MOST_UNPACKED:
                raise OSError(f"unpacked it has more than {MOST_UNPACKED:,} bytes")
    return b"".join(parts)
