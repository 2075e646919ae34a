"""Choosing by name, with a helpful answer to a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from chainrule.errors import ArgumentError

Value = TypeVar("Value")


def choose(kind: str, name: str, table: Mapping[str, Value]) -> Value:
    """table[name].

    Raises: ArgumentError (CR801) for a name that is not there, with the nearest that is.
    """
    if name in table:
        return table[name]
    nearest = difflib.get_close_matches(name.lower(), table, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise ArgumentError(
        "CR801", f"there is no {kind} {name!r}, there are {', '.join(table)}{hint}"
    )
