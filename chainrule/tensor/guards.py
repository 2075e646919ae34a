"""Guards: the facts that Python code depended on while it was traced.

At nearly every call all of them hold because nothing was replaced. That is found out for many
at a time, by comparing the identities of objects; only when there is another object, or where
identities do not tell, are guards looked at one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import is_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Guard:
    """A fact that Python code depended on while it was traced: what `read` returned then."""

    def __init__(self, read: Callable[[], Any], what: str) -> None:
        self.read = read
        self._what = what
        self.expected = self.found()

    @property
    def what(self) -> str:
        """What it is about, in words."""
        return self._what

    def found(self) -> Any:
        """What there is now, to be compared with what there was."""
        return self.read()

    def holds(self) -> bool:
        return same(self.found(), self.expected)

    def is_settled_by(self, witness: Witness) -> bool:
        """Whether the fact cannot change while all objects of `witness` stay the same; those
        that matter are added to it."""
        value = self.read()
        if value is not self.read():
            return False
        witness.add_read(self.read)
        return True


class TensorGuard(Guard):
    """What a recording takes for granted about a tensor from outside."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        super().__init__(partial(_facts, tensor), "what a tensor holds")

    def is_settled_by(self, witness: Witness) -> bool:
        return witness.add_tensor(self.tensor)


def _facts(tensor: Tensor) -> tuple:
    return tensor._cell, tensor._requires_grad, tensor._hook_functions()


class Witness:
    """Objects that guards depend on, as they are when the witness is made.

    Of a tensor these are its cell, which also stands for shape and type, and whether it
    requires a gradient; one that does must stay without hooks (for others none would run).
    """

    def __init__(self, guards: Iterable[Guard]) -> None:
        self._reads: list[Callable[[], Any]] = []
        self._learned: list[Tensor] = []
        self._others: list[Tensor] = []
        self._empty: list[Mapping] = []
        self._names: list[Mapping] = []  # dicts whose keys are noted, all of them strings
        self._elements: list[Iterable] = []  # lists whose elements are noted
        self._seen: dict[int, Any] = {}
        self.unsettled = [guard for guard in guards if not guard.is_settled_by(self)]
        self._expected_cells = [x._cell for x in (*self._learned, *self._others)]
        self._expected_names = self._names_now()
        self._expected_objects = self._objects_now()

    def add_read(self, read: Callable[[], Any]) -> None:
        """Note what `read` returns."""
        self._reads.append(read)

    def add_tensor(self, tensor: Tensor) -> bool:
        """Note what a tensor holds; False for one with hooks, which may become others."""
        if tensor._hook_functions():
            return False
        if self._is_new(tensor):
            (self._learned if tensor._requires_grad else self._others).append(tensor)
        return True

    def add_list(self, elements: Iterable) -> None:
        """Note the elements."""
        if self._is_new(elements):
            self._elements.append(elements)

    def add_mapping(self, mapping: Mapping) -> None:
        """Note the keys and the values."""
        if not self._is_new(mapping):
            return
        if not mapping:
            self._empty.append(mapping)
            return
        keys = self._names if all(type(key) is str for key in mapping) else self._elements
        keys.append(mapping)
        self._elements.append(mapping.values())

    def _is_new(self, holder: Any) -> bool:
        is_new = id(holder) not in self._seen
        self._seen[id(holder)] = holder  # kept, so that its id stays its own
        return is_new

    def _cells_now(self) -> list[Any]:
        """The cells of all tensors, less those that are not any more as they were noted."""
        learned = [
            x._cell
            for x in self._learned
            if x._requires_grad and not x._hooks and not x._accumulated
        ]
        return learned + [x._cell for x in self._others if not x._requires_grad]

    def _names_now(self) -> list[str]:
        names: list[str] = []
        for mapping in self._names:
            names += mapping
        return names

    def _objects_now(self) -> list[Any]:
        objects = [read() for read in self._reads]
        for elements in self._elements:
            objects += elements
        return objects

    def is_unchanged(self) -> bool:
        """Whether every object is still the one that it was."""
        if self._cells_now() != self._expected_cells or any(self._empty):
            return False
        objects, expected = self._objects_now(), self._expected_objects
        return (
            self._names_now() == self._expected_names
            and len(objects) == len(expected)
            and all(map(is_, objects, expected))
        )


class GuardSet:
    """The guards of a recording, checked at every call."""

    def __init__(self, guards: list[Guard]) -> None:
        self._guards = guards
        self._witness: Witness | None = None
        self.broken()

    def __len__(self) -> int:
        return len(self._guards)

    def broken(self) -> Guard | None:
        """The first guard that does not hold any more, or None."""
        witness = self._witness
        if witness is not None and witness.is_unchanged():
            return _first_broken(witness.unsettled)
        if (found := _first_broken(self._guards)) is None:
            witness = Witness(self._guards)
            found = _first_broken(self._guards)  # of what another thread changed meanwhile
            self._witness = witness
        return found


def _first_broken(guards: Iterable[Guard]) -> Guard | None:
    for guard in guards:
        if not guard.holds():
            return guard
    return None


def same(a: Any, b: Any) -> bool:
    """Equal plain values of equal type; anything else must be the same object."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and (all(map(is_, a, b)) or all(map(same, a, b)))
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    if isinstance(a, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
    if isinstance(a, (bool, int, complex, str, bytes)):
        return a == b or (a != a and b != b)
    return False
