"""How freed memory is kept for the next array."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # the names that glibc's mallopt(3) gives them
LARGEST_FROM_HEAP = 32 << 20  # bytes: the most that glibc allows
KEPT_FREE = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Ask the C library to keep freed arrays instead of returning them to the system.

    Every operation makes a new array. By default glibc takes large ones from the system and
    gives them back at once, and the system fills each page with zeros anew: a third of the
    time of a training step. Up to KEPT_FREE bytes stay with the process instead.

    Returns whether the C library was asked: only on Linux with glibc, and not where the
    variable CHAINRULE_KEEP_MEMORY is 0.
    """
    if os.environ.get("CHAINRULE_KEEP_MEMORY") == "0" or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = mallopt(M_TRIM_THRESHOLD, KEPT_FREE)
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP) and kept)
