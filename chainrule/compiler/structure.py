"""Nested lists, tuples and dicts of tensors, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.tensor.tensor import Tensor


class Leaf:
    """Stands for the tensor of this number."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf) and other.position == self.position

    def __hash__(self) -> int:
        return hash(self.position)


def flatten(tree: Any, leaves: list[Tensor]) -> Any:
    """The tree with its tensors replaced by numbered leaves; they are appended to `leaves`."""
    if isinstance(tree, Tensor):
        leaves.append(tree)
        return Leaf(len(leaves) - 1)
    return _rebuild(tree, lambda part: flatten(part, leaves))


def unflatten(tree: Any, leaves: Sequence[Any]) -> Any:
    """The tree with its numbered leaves replaced by `leaves`."""
    if isinstance(tree, Leaf):
        return leaves[tree.position]
    return _rebuild(tree, lambda part: unflatten(part, leaves))


def _rebuild(tree: Any, transform: Callable[[Any], Any]) -> Any:
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*map(transform, tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(transform, tree))
    if isinstance(tree, dict):
        return type(tree)((key, transform(part)) for key, part in tree.items())
    return tree
