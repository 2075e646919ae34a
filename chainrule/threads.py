"""How many threads the products of matrices use."""

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
GETTERS = ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads")


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
    """Use so many threads from now on, where NumPy computes with OpenBLAS.

    Raises: ArgumentError (CR902) below 1.
    """
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise ArgumentError("CR902", f"set_num_threads: at least 1 thread, got {num!r}")
    if (setter := _function(SETTERS)) is not None:
        setter(num)


def get_num_threads() -> int:
    """How many threads are used; the number of cores where NumPy does not say."""
    getter = _function(GETTERS)
    return int(getter()) if getter is not None else os.cpu_count() or 1


def set_num_interop_threads(num: int) -> None:
    """One operation runs after the other, so this changes nothing."""


def get_num_interop_threads() -> int:
    """One operation runs after the other."""
    return 1
