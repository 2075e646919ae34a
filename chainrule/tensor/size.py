"""The shape of a tensor."""

from __future__ import annotations

import math


class Size(tuple):
    """A tuple of sizes that prints as PyTorch's and counts its elements."""

    __slots__ = ()

    def numel(self) -> int:
        """How many elements a tensor of this shape holds."""
        return math.prod(self)

    def __getitem__(self, index):
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __repr__(self) -> str:
        return f"chainrule.Size({list(self)})"
