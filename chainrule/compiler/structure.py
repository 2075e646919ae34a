"""Nested lists, tuples and dicts of tensors, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.tensor.changing_number import ChangingNumber
from chainrule.tensor.tensor import Tensor


class Leaf:
    """Stands for the tensor of this number."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


class NumberLeaf(Leaf):
    """Stands for a number that differs from call to call, and is in the tensor."""


def flatten(tree: Any, leaves: list[Tensor]) -> Any:
    """The tree with its tensors replaced by numbered leaves; they are appended to `leaves`,
    one that comes again only once."""
    positions = {id(tensor): i for i, tensor in enumerate(leaves)}

    def flattened(part: Any) -> Any:
        is_number = isinstance(part, ChangingNumber)
        tensor = part.tensor if is_number else part
        if not isinstance(tensor, Tensor):
            return _rebuild(part, flattened)
        position = positions.setdefault(id(tensor), len(leaves))
        if position == len(leaves):
            leaves.append(tensor)
        return NumberLeaf(position) if is_number else Leaf(position)

    return flattened(tree)


def unflatten(
    tree: Any, leaves: Sequence[Any], number: Callable[[Tensor], Any] = ChangingNumber
) -> Any:
    """The tree with its numbered leaves replaced by `leaves`, or by what `number` makes."""
    if isinstance(tree, NumberLeaf):
        return number(leaves[tree.position])
    if isinstance(tree, Leaf):
        return leaves[tree.position]
    return _rebuild(tree, lambda part: unflatten(part, leaves, number))


def map_leaves(tree: Any, transform: Callable[[Any], Any]) -> Any:
    """The tree with all that is not a list, tuple or dict replaced by what `transform` says."""
    if isinstance(tree, (list, tuple, dict)):
        return _rebuild(tree, lambda part: map_leaves(part, transform))
    return transform(tree)


def _rebuild(tree: Any, transform: Callable[[Any], Any]) -> Any:
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*map(transform, tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(transform, tree))
    if isinstance(tree, dict):
        return type(tree)((key, transform(part)) for key, part in tree.items())
    return tree
