"""Objects put back to what they were: what an attempt that failed halfway has changed."""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.compiler.situation import STREAMS, codes_in, slots_of
from chainrule.observers import Observer
from chainrule.tensor.attributes import Cell
from chainrule.tensor.generator import default_generator
from chainrule.tensor.streams import read_state, write_state
from chainrule.tensor.tensor import Tensor

GLOBAL = (random, np.random)  # streams of random numbers that programs draw from
#: classes of Python whose objects hold the state of programs
HOLDERS = {
    "types.SimpleNamespace", "argparse.Namespace",
    "collections.UserDict", "collections.UserList",
}  # fmt: skip
LIBRARIES = sys.stdlib_module_names - {"__main__"} | {"numpy"}
MOST_OBJECTS = 100_000  # that are looked at
MISSING = object()
LARGEST = 10_000  # elements of a container that is kept
OPAQUE = (str, bytes, int, float, complex, np.ndarray, np.generic, type(None), ModuleType, Cell)


class Rollback:
    """What some objects, and all that is reached from them, are now; `undo()` restores it.

    Reached are the elements of containers, the attributes of objects of the program and of
    chainrule, and the variables that functions name. The random numbers of the program
    (chainrule's, Python's and NumPy's) are among it.

    Args: beyond: a rollback made just now, to be restored with this one; what that keeps is
        not looked at again.

    Notes: containers and objects stay the same ones and get back their content. The arrays of
    tensors are kept, not copied: no operation writes into an array that somebody holds.

    Example:
        >>> table, log = {"a": [1]}, []
        >>> before = Rollback(table, log)
        >>> table["a"].append(2)
        >>> log.append(table.pop("a"))
        >>> before.undo()
        >>> table, log
        ({'a': [1]}, [])
    """

    def __init__(self, *roots: Any, beyond: Rollback | None = None) -> None:
        self._streams = [(stream, read_state(stream)) for stream in GLOBAL]
        self._undoings: list[Callable[[], None]] = []
        self._inner = beyond
        self._seen: dict[int, Any] = {} if beyond is None else dict(beyond._seen)
        seen = self._seen
        self._kinds: dict[type, Kind] = {}  # that were met
        waiting = deque((*roots, default_generator))
        while waiting and len(seen) < MOST_OBJECTS:
            thing = waiting.popleft()
            if id(thing) in seen:
                continue
            keep = (self._kinds.get(type(thing)) or self._meet(type(thing))).keep
            if keep is not None:
                seen[id(thing)] = thing
                waiting.extend(keep(self, thing))

    def undo(self) -> None:
        """Put everything back."""
        if self._inner is not None:
            self._inner.undo()
        for undoing in self._undoings:
            undoing()
        for stream, state in self._streams:
            write_state(stream, state)

    def _meet(self, kind: type) -> Kind:
        """A class of which no object was met before."""
        if (known := _known.get(kind)) is None:
            known = _known[kind] = Kind(_way(kind), slots_of(kind), _is_programs(kind))
        self._kinds[kind] = known
        return known

    def _keep_stream(self, stream: Any) -> tuple[()]:
        self._undoings.append(partial(write_state, stream, read_state(stream)))
        return ()

    def _keep_container(self, thing: Any) -> Iterable[Any]:
        if len(thing) > LARGEST:
            return ()
        content = _content(thing)
        self._undoings.append(partial(_refill, thing, content))
        return list(thing.values()) if isinstance(thing, dict) else content

    def _keep_tensor(self, tensor: Tensor) -> list[Any]:
        cell = tensor._cell
        self._undoings.append(partial(setattr, cell, "array", cell.array))
        return self._keep_object(tensor)

    def _keep_object(self, thing: Any) -> list[Any]:
        kind = type(thing)
        known = self._kinds[kind]
        is_new = known.is_programs and id(kind) not in self._seen
        reached: list[Any] = list(kind.__mro__) if is_new else []
        for name in known.slots:
            value = getattr(thing, name, MISSING)
            self._undoings.append(partial(_set_slot, thing, name, value))
            reached.append(value)
        if (attributes := getattr(thing, "__dict__", None)) is not None:
            self._undoings.append(partial(_become, thing, kind))
            reached += self._keep_container(attributes)
        return reached

    def _keep_class(self, kind: type) -> Iterable[Any]:
        """The attributes of a class of the program, and what its methods name."""
        if _is_library(kind) or _is_own(kind):
            return ()
        content = dict(vars(kind))
        self._undoings.append(partial(_restore_class, kind, content))
        return content.values()

    def _keep_variables(self, function: FunctionType) -> Iterator[Any]:
        """The variables of a closure, and the globals that the function names."""
        known = []
        for cell in function.__closure__ or ():
            try:
                known.append(cell.cell_contents)
            except ValueError:  # not assigned yet
                continue
            self._undoings.append(partial(setattr, cell, "cell_contents", known[-1]))
        yield from known
        if not _is_of_program(function.__module__):
            return
        names = {name for each in codes_in(function.__code__) for name in each.co_names}
        yield from self._keep_names(function.__globals__, names)
        for module in (*known, *map(function.__globals__.get, names)):
            if isinstance(module, ModuleType) and _is_of_program(module.__name__):
                yield from self._keep_names(vars(module), names)

    def _keep_names(self, variables: dict[str, Any], names: set[str]) -> Iterator[Any]:
        """Those variables of a module that a function names."""
        for name in sorted(variables.keys() & names):
            self._undoings.append(partial(variables.__setitem__, name, variables[name]))
            yield variables[name]


@dataclass(frozen=True, slots=True)
class Kind:
    """How objects of a class are kept; it does not hold the class.

    Attributes: keep: notes one, and returns the objects reached from it; None: nothing to note.
    """

    keep: Callable[[Rollback, Any], Iterable[Any]] | None
    slots: tuple[str, ...]
    is_programs: bool  # the class, or one that it is made from


_known: WeakKeyDictionary[type, Kind] = WeakKeyDictionary()


def _way(kind: type) -> Callable[[Rollback, Any], Iterable[Any]] | None:
    """How to note what objects of a class are, and the objects reached from them; None
    for those that have nothing to note. An observer is to remember what it sees."""
    if issubclass(kind, (*OPAQUE, Observer)):
        return None
    if issubclass(kind, type):
        return Rollback._keep_class
    if getattr(kind, "is_compiled", False):
        return lambda _, thing: (thing.function,)
    for base, way in WAYS:
        if issubclass(kind, base):
            return way
    return None if _is_library(kind) else Rollback._keep_object


WAYS: tuple[tuple[Any, Callable[[Rollback, Any], Iterable[Any]]], ...] = (
    (Tensor, Rollback._keep_tensor),
    (FunctionType, Rollback._keep_variables),
    (MethodType, lambda _, method: (method.__self__, method.__func__)),
    (partial, lambda _, thing: (thing.func, thing.args, thing.keywords)),
    ((tuple, frozenset), lambda _, thing: thing),
    ((list, dict, set, deque), Rollback._keep_container),
    (STREAMS, Rollback._keep_stream),
)


def _is_programs(kind: type) -> bool:
    """Whether a class, or one that it is made from, is one of the program."""
    return not all(_is_library(each) or _is_own(each) for each in kind.__mro__)


def _is_own(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "chainrule"


def _is_library(kind: type) -> bool:
    module = kind.__module__
    return module.split(".")[0] in LIBRARIES and f"{module}.{kind.__name__}" not in HOLDERS


def _is_of_program(module: str | None) -> bool:
    return (module or "").split(".")[0] not in LIBRARIES | {"chainrule"}


def _set_slot(thing: Any, name: str, value: Any) -> None:
    if value is not MISSING:
        object.__setattr__(thing, name, value)
    elif hasattr(thing, name):
        object.__delattr__(thing, name)


def _content(thing: Any) -> Any:
    return dict(thing) if isinstance(thing, dict) else list(thing)


def _refill(thing: Any, content: Any) -> None:
    """Give a container its content again, if it has another now."""
    now = _content(thing)
    pairs = (now.items(), content.items()) if isinstance(thing, dict) else (now, content)
    if len(now) == len(content) and all(map(_is_same, *pairs)):
        return
    thing.clear()
    (thing.extend if isinstance(thing, (list, deque)) else thing.update)(content)


def _is_same(a: Any, b: Any) -> bool:
    return all(x is y for x, y in zip(a, b)) if type(a) is type(b) is tuple else a is b


def _restore_class(kind: type, content: dict[str, Any]) -> None:
    for name in vars(kind).keys() - content.keys():
        delattr(kind, name)
    for name, value in content.items():
        if vars(kind).get(name) is not value:
            setattr(kind, name, value)


def _become(thing: Any, kind: type) -> None:
    if type(thing) is not kind:
        thing.__class__ = kind
