"""Batches that somebody hands in: how many there are, and whether they can be gone through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.errors import DataError

#: of Python's own iterators, which cannot begin anew
BUILT_IN = ("builtins", "itertools")


def length_of(batches: Any) -> int | None:
    """How many batches there are; None where nobody knows, as of a stream.

    Example:
        >>> length_of([1, 2]), length_of(iter([1, 2]))
        (2, None)
    """
    try:
        return len(batches)
    except (TypeError, NotImplementedError):
        return None


def samples_of(batches: Any) -> int:
    """How many samples there are; 0 where nobody knows."""
    return length_of(getattr(batches, "dataset", None)) or 0


def check_repeatable(name: str, batches: Any) -> None:
    """Raises: DataError (CR815) for what gives its batches only once."""
    if isinstance(batches, Iterator) and type(batches).__module__ in BUILT_IN:
        raise DataError(
            "CR815",
            f"{name} is a {type(batches).__name__}, which gives its batches only once, and "
            f"there are several epochs; {_repair(batches)}",
        )


def check_some(number: float, batches: Any) -> None:
    """Raises: DataError (CR815) where a pass over batches gave none."""
    if not number:
        raise DataError(
            "CR815",
            f"the {type(batches).__name__} gave no batches in this pass; {_repair(batches)}",
        )


def _repair(batches: Any) -> str:
    if isinstance(batches, Iterator):
        return "give a DataLoader, a list, or an object whose __iter__ begins anew"
    return "see what it iterates over: is it empty, or was it used up?"
