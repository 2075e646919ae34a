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


def flatten(tree: Any, leaves: list[Tensor]) -> Any:
    """The tree with its tensors replaced by numbered leaves; they are appended to `leaves`,
    one that comes again only once."""
    positions = {id(tensor): i for i, tensor in enumerate(leaves)}

    def flattened(part: Any) -> Any:
        if not isinstance(part, Tensor):
            return _rebuild(part, flattened)
        position = positions.setdefault(id(part), len(leaves))
        if position == len(leaves):
            leaves.append(part)
        return Leaf(position)

    return flattened(tree)


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
