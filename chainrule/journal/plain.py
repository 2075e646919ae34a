"""Plain values: what a line of JSON can hold, and how numbers that JSON lacks are written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def json_line(content: Mapping[str, Any]) -> str:
    """One line of JSON; tensors and arrays become lists, other objects their text.

    Notes: the quick way is the one that nearly every record takes; only a record with NaN, an
    infinity or unusual keys is gone through value by value.

    Example:
        >>> json_line({"loss": float("nan"), "step": 3})
        '{"loss":"nan","step":3}'
    """
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"), default=plain)
    except (TypeError, ValueError):
        return json.dumps(plain(content), allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """The value as JSON has it: dicts, lists, texts, numbers, true, false and null."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):  # tensors, NumPy's arrays and numbers
        return plain(value.tolist())
    return str(value)


def number(value: Any) -> float | None:
    """A number that was written as plain() writes it; None for what is no number.

    Example:
        >>> number("-inf"), number(0.5), number("0.5"), number(True)
        (-inf, 0.5, None, None)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return NOT_FINITE.get(value) if isinstance(value, str) else None
