"""The key of a call: what tells one situation of the arguments from another."""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule import settings
from chainrule.compiler.situation import snapshot
from chainrule.tensor.changing_number import ChangingNumber
from chainrule.tensor.guards import same
from chainrule.tensor.tensor import Tensor

EXACT = frozenset((bool, int, str, bytes, type(None)))  # equal and of one type: the same


class Key(NamedTuple):
    """What a call looks like; recordings are for calls whose keys are equal."""

    structure: list[Any]
    tensors: list[tuple]
    modes: tuple


class Other:
    """A value whose own == does not tell whether code would behave differently."""

    def __init__(self, value: Any) -> None:
        self.state = snapshot(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Other) and same(self.state, other.state)

    __hash__ = None  # type: ignore[assignment]


def call_key(call: Any, tensors: list[Tensor], whole: bool = True) -> Key:
    """The key of a call with these nested arguments; their tensors are appended to `tensors`.

    Args: whole: with what a function may change, gradients and history.
    """
    structure: list[Any] = []
    positions = {id(x): i for i, x in enumerate(tensors)} if tensors else {}
    _describe(call, structure, tensors, positions)
    firsts: dict[int, int] = {}  # by id of the cell: the first tensor on it
    described = []
    for position, tensor in enumerate(tensors):
        cell = tensor._cell
        held = cell.array
        described.append(
            (held.shape, held.dtype, tensor._requires_grad, whole and tensor._edge is None,
             whole and tensor._grad is not None, tensor._hook_functions(),
             firsts.setdefault(id(cell), position))
        )  # fmt: skip
    modes = settings.grad_enabled.get(), settings.autocast.get(), settings.defaults.float_dtype
    return Key(structure, described, modes)


def _describe(
    tree: Any, structure: list[Any], tensors: list[Tensor], positions: dict[int, int]
) -> None:
    """Append what lists, tuples and dicts consist of, one after the other."""
    kind = type(tree)
    if isinstance(tree, Tensor):
        position = positions.setdefault(id(tree), len(tensors))
        if position == len(tensors):
            tensors.append(tree)
        structure += (Tensor, position)
    elif isinstance(tree, (tuple, list)):
        structure += (kind, len(tree))
        for part in tree:
            _describe(part, structure, tensors, positions)
    elif isinstance(tree, dict):
        structure += (kind, len(tree))
        for key, part in tree.items():
            _describe_plain(key, structure)
            _describe(part, structure, tensors, positions)
    elif isinstance(tree, ChangingNumber):
        structure.append(ChangingNumber)
        _describe(tree.tensor, structure, tensors, positions)
    else:
        _describe_plain(tree, structure)


def _describe_plain(value: Any, structure: list[Any]) -> None:
    if type(value) in EXACT:
        structure += (type(value), value)
    else:
        structure.append(Other(value))


def difference(a: Key, b: Key) -> str:
    """How two calls differ, in words: the first tensor that is not alike."""
    if len(a.tensors) != len(b.tensors):
        return f"{len(b.tensors)} tensors instead of {len(a.tensors)}"
    names = ("shape", "dtype", "requires_grad", "being a leaf", "a gradient", "hooks", "twin")
    for position, (old, new) in enumerate(zip(a.tensors, b.tensors, strict=True)):
        changed = [
            f"{name} {y} instead of {x}"
            for name, x, y in zip(names, old, new, strict=True)
            if x != y
        ]
        if changed:
            return f"tensor {position} has " + " and ".join(changed)
    if a.modes != b.modes:
        return "gradient recording or the default dtype changed"
    return "a plain argument has another value"
