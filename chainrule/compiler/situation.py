"""What Python code around a function depends on: closures, globals, attributes.

A recording stays valid only as long as these are what they were when it was made.
"""

from __future__ import annotations

import dis
import inspect
import random
import sys
import types
from argparse import Namespace
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np

from chainrule.tensor.guards import Guard, Witness
from chainrule.tensor.streams import plain, read_state
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace

PLAIN = (bool, int, float, complex, str, bytes, type(None))
LIBRARIES = sys.stdlib_module_names - {"__main__"} | {"chainrule", "numpy"}
LARGEST = 1000  # elements of a container that are looked at one by one
LARGEST_ARRAY = 100_000  # bytes of an array that are compared
MOST_WATCHED = 10_000  # objects that are looked through for functions
NAMESPACES = (types.SimpleNamespace, Namespace)
STREAMS = (random.Random, np.random.Generator, np.random.RandomState)  # that programs make
#: instructions that read or write variables by their names
OF_VARIABLES = {
    "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL",
}  # fmt: skip
LISTS, DICTS = (list, deque), (dict, OrderedDict, defaultdict)  # with no code of their own


def snapshot(value: Any, depth: int = 4) -> Any:
    """Plain values copied, containers and plain objects taken apart, all else by identity."""
    if isinstance(value, PLAIN) or depth == 0:
        return value
    if isinstance(value, Tensor):
        return (value, value._cell.array.shape, value.dtype, value._requires_grad)
    if isinstance(value, np.ndarray):
        if value.nbytes > LARGEST_ARRAY or value.dtype.hasobject:
            return value
        return [value, value.shape, str(value.dtype), value.tobytes()]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        if len(value) > LARGEST:
            return (len(value), id(value))
        return [type(value).__name__, *[snapshot(v, depth - 1) for v in value]]
    if isinstance(value, Mapping):
        if len(value) > LARGEST:
            return (len(value), id(value))
        return {key: snapshot(v, depth - 1) for key, v in value.items()}
    if _has_state(value):
        return [value, {k: snapshot(v, depth - 1) for k, v in _state(value).items()}]
    return value


def settle(value: Any, witness: Witness, depth: int = 4) -> bool:
    """Whether `snapshot(value)` stays as it is while no object of `witness` is replaced; the
    objects that matter are added to it."""
    if isinstance(value, PLAIN) or depth == 0:
        return True
    if isinstance(value, Tensor):
        return witness.add_tensor(value)
    if isinstance(value, np.ndarray):
        return snapshot(value) is value
    parts: Any = ()
    if isinstance(value, (list, tuple, set, frozenset, deque, Mapping)):
        parts = value
    elif _has_state(value):
        if slots_of(type(value)):
            return False
        parts = vars(value)
        witness.add_read(partial(vars, value))
    if len(parts) > LARGEST or not _note_parts(parts, witness):
        return False
    parts = parts.values() if isinstance(parts, Mapping) else parts
    return all(settle(part, witness, depth - 1) for part in parts)


def _note_parts(container: Any, witness: Witness) -> bool:
    """Add what a container consists of, if it can be changed; False where that is not known."""
    if type(container) in LISTS:
        witness.add_list(container)
    elif type(container) in DICTS:
        witness.add_mapping(container)
    return type(container) in LISTS + DICTS or isinstance(container, (tuple, frozenset))


class SnapshotGuard(Guard):
    """That a value, and what it contains, are what they were."""

    def found(self) -> Any:
        return snapshot(self.read())

    def is_settled_by(self, witness: Witness) -> bool:
        return super().is_settled_by(witness) and settle(self.read(), witness)


class ClassGuard(Guard):
    """That the attributes of a class are what they were."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        super().__init__(
            partial(_class_state, kind), f"an attribute of the class {kind.__name__}"
        )

    def is_settled_by(self, witness: Witness) -> bool:
        attributes = vars(self.kind)
        witness.add_mapping(attributes)
        return all(settle(value, witness, 3) for value in attributes.values())


def _state(value: Any) -> dict[str, Any]:
    """The attributes of an object; of chainrule's own without what it keeps for itself."""
    if getattr(type(value), "is_plain_state", False):
        return {name: v for name, v in vars(value).items() if name[0] != "_"}
    return _attributes(value)


def _attributes(value: Any) -> dict[str, Any]:
    """What an object holds in its dict and in slots."""
    held = {
        name: getattr(value, name) for name in slots_of(type(value)) if hasattr(value, name)
    }
    return held | getattr(value, "__dict__", {})


def slots_of(kind: type) -> tuple[str, ...]:
    """The attributes for which classes of the program have slots."""
    return tuple(
        name
        for each in kind.__mro__
        if "__slots__" in vars(each) and _is_users(each)
        for name, slot in vars(each).items()
        if isinstance(slot, types.MemberDescriptorType)
    )


def _has_state(value: Any) -> bool:
    """Whether it is an object of the program's own, or one of chainrule's whose class says
    `is_plain_state`; its modules, optimizers and the like guard themselves."""
    kind = type(value)
    if isinstance(value, (type, types.FunctionType)):
        return False
    if not (hasattr(value, "__dict__") or slots_of(kind)):
        return False
    if isinstance(value, NAMESPACES) or getattr(kind, "is_plain_state", False):
        return True
    return _is_users(kind) and not any(_is_ours(base) for base in kind.__mro__)


def _is_ours(what: Any) -> bool:
    return what.__module__.split(".")[0] == "chainrule"


def _is_users(what: Any) -> bool:
    """Whether a class or function belongs to the program rather than to a library."""
    package = (getattr(what, "__module__", None) or "").split(".")[0]
    return package not in LIBRARIES


def watch(what: Any, trace: Trace, seen: dict[int, Any] | None = None) -> None:
    """Guard all that a function, and what it names, reads from outside."""
    seen = {} if seen is None else seen
    if isinstance(what, PLAIN) or id(what) in seen or len(seen) > MOST_WATCHED:
        return
    seen[id(what)] = what
    what = getattr(what, "__func__", what) if _is_wrapper(what) else what
    if isinstance(what, types.MethodType):
        for part in (what.__self__, what.__func__):
            watch(part, trace, seen)
    elif isinstance(what, types.FunctionType):
        _watch_function(what, trace, seen)
    elif isinstance(what, type):
        _watch_class(what, trace, seen)
    else:
        _watch_object(what, trace, seen)


def _is_wrapper(what: Any) -> bool:
    return isinstance(what, (staticmethod, classmethod))


def _watch_function(function: types.FunctionType, trace: Trace, seen: dict[int, Any]) -> None:
    if not _is_users(function) and not function.__closure__:
        return
    for name, read in _outside_reads(function):
        value = read()
        if not isinstance(value, type):
            trace.require(SnapshotGuard(read, f"the variable {name!r}"))
        watch(value, trace, seen)


def _watch_class(kind: type, trace: Trace, seen: dict[int, Any]) -> None:
    """The attributes of a class of the program, and what its methods read."""
    for base in kind.__mro__:
        if (
            not _is_users(base)
            or _is_installed(base.__module__)
            or (base is not kind and id(base) in seen)
        ):
            continue
        seen[id(base)] = base
        trace.require(ClassGuard(base))
        for value in list(vars(base).values()):
            watch(getattr(value, "fget", value), trace, seen)


@cache
def _is_installed(module: str) -> bool:
    """Whether a module was installed as a package, and is not edited by the program."""
    return "site-packages" in (getattr(sys.modules.get(module), "__file__", None) or "")


def _class_state(kind: type) -> Any:
    hidden = ("__dict__", "__weakref__", "__doc__", "__annotations__", "__annotate_func__")
    return snapshot({k: v for k, v in vars(kind).items() if k not in hidden})


def _watch_object(what: Any, trace: Trace, seen: dict[int, Any]) -> None:
    """What may hold functions: a container, a partial, an object of the program, a module."""
    if isinstance(what, (list, tuple, set, frozenset, deque, Mapping)):
        parts = what.values() if isinstance(what, Mapping) else what
        for part in list(parts)[:LARGEST]:
            watch(part, trace, seen)
        return
    if isinstance(what, partial):
        for read in (partial(getattr, what, "args"), partial(getattr, what, "keywords")):
            trace.require(SnapshotGuard(read, "what a partial holds"))
        watch((what.func, what.args, what.keywords), trace, seen)
        return
    if isinstance(what, STREAMS):
        trace.streams.append((what, plain(read_state(what))))
        return
    if inspect.getattr_static(what, "__wrapped__", None) is not None:
        watch(what.__wrapped__, trace, seen)  # not of an object that has any attribute
    if _has_state(what):
        trace.require(SnapshotGuard(lambda: what, f"an attribute of {type(what).__name__}"))
    watch(type(what), trace, seen)
    if _has_state(what) or "_modules" in getattr(what, "__dict__", ()):
        watch(_attributes(what), trace, seen)


def _outside_reads(function: types.FunctionType) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The closure cells and globals whose names the function's code mentions, and its
    defaults."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield name, partial(_content, cell)
    names = _names(function.__code__)
    for name in sorted(names & _variables(function.__code__) & function.__globals__.keys()):
        value = function.__globals__[name]
        if isinstance(value, types.ModuleType):
            yield from _module_reads(value, names)
        elif not isinstance(value, types.BuiltinFunctionType):
            yield name, partial(function.__globals__.get, name)
    for name in ("__defaults__", "__kwdefaults__"):
        yield "defaults", partial(getattr, function, name)


def _module_reads(
    module: types.ModuleType, names: set[str]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What code reads as attributes of a module of the program, such as settings."""
    if module.__name__.split(".")[0] in LIBRARIES:
        return
    for name in sorted(names & vars(module).keys()):
        if not isinstance(vars(module)[name], (types.ModuleType, types.BuiltinFunctionType)):
            yield f"{module.__name__}.{name}", partial(vars(module).get, name)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _names(code: types.CodeType) -> set[str]:
    """Names mentioned in the code and in functions defined inside it; those that nobody can
    write, as pytest puts them into assertions, are none of the program's."""
    return {name for each in codes_in(code) for name in each.co_names if name.isidentifier()}


@lru_cache(maxsize=1024)
def _variables(code: types.CodeType) -> frozenset[str]:
    """Those of them that are variables; an attribute may have the name of one."""
    instructions = (step for each in codes_in(code) for step in dis.get_instructions(each))
    return frozenset(step.argval for step in instructions if step.opname in OF_VARIABLES)


def codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function, and of those defined inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_in(constant)
