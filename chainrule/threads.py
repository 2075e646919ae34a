"""How many threads compute: those of the native engine, and of NumPy's matrix products."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError

#: the names of OpenBLAS's functions, as NumPy's own builds and others call them
SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads")

_num_threads: int | None = None  # as set; None until somebody sets or asks


@functools.cache
def _openblas() -> Any:
    """The library of matrix products that came with NumPy, if it is OpenBLAS."""
    folder = Path(np.__file__).parents[1] / "numpy.libs"
    for path in sorted(folder.glob("*openblas*")):
        return ctypes.CDLL(str(path))
    return None


def _function(names: tuple[str, ...]) -> Any:
    found = [function for name in names if (function := getattr(_openblas(), name, None))]
    return found[0] if found else None


def set_num_threads(num: int) -> None:
    """Use so many threads from now on, in compiled steps and in NumPy's OpenBLAS.

    Raises: ArgumentError (CR902) below 1.
    """
    global _num_threads
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise ArgumentError("CR902", f"set_num_threads: at least 1 thread, got {num!r}")
    _num_threads = num
    if (setter := _function(SETTERS)) is not None:
        setter(num)


def get_num_threads() -> int:
    """How many threads are used: as set, or CHAINRULE_NUM_THREADS, or the cores we may use."""
    global _num_threads
    if _num_threads is None:
        _num_threads = cores()
    return _num_threads


def obey_environment() -> None:
    """Use as many threads as CHAINRULE_NUM_THREADS says, if it says something.

    Raises: ArgumentError (CR902) where that is no number from 1.
    """
    wish = os.environ.get("CHAINRULE_NUM_THREADS")
    if not wish:
        return
    if not wish.isdecimal() or int(wish) < 1:
        raise ArgumentError("CR902", f"CHAINRULE_NUM_THREADS: at least 1 thread, got {wish!r}")
    set_num_threads(int(wish))


def cores() -> int:
    """The cores this process may use: its affinity and its container's share of the machine."""
    try:
        number = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        number = os.cpu_count() or 1
    return max(1, min(number, _quota() or number))


def _quota() -> int | None:
    """Cores the control group pays for, rounded up; None where it sets no bound."""
    folder = Path("/sys/fs/cgroup")
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            quota = (folder / "cpu" / "cpu.cfs_quota_us").read_text("ascii")
            period = (folder / "cpu" / "cpu.cfs_period_us").read_text("ascii")
        return None if quota == "max" or int(quota) < 0 else -(-int(quota) // int(period))
    except (OSError, ValueError):
        return None


def set_num_interop_threads(num: int) -> None:
    """One operation runs after the other, so this changes nothing."""


def get_num_interop_threads() -> int:
    """One operation runs after the other."""
    return 1


obey_environment()
