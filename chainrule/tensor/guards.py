"""Guards: the facts that Python code depended on while it was traced."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


class Guard:
    """A fact that Python code depended on while it was traced."""

    __slots__ = ("expected", "read", "what")

    def __init__(self, read: Callable[[], Any], expected: Any, what: str) -> None:
        self.read = read
        self.expected = expected
        self.what = what

    def holds(self) -> bool:
        found = self.read()
        return found is self.expected or same(found, self.expected)


def same(a: Any, b: Any) -> bool:
    """Equal plain values of equal type; anything else must be the same object."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    if isinstance(a, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
    if isinstance(a, (bool, int, complex, str, bytes)):
        return a == b or (a != a and b != b)
    return a is b
