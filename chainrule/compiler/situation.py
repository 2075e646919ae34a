"""What Python code around a function depends on: closures, globals, attributes.

A recording stays valid only as long as these are what they were when it was made.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from chainrule.tensor.trace import Trace

PLAIN = (bool, int, float, complex, str, bytes, type(None))
LIBRARIES = sys.stdlib_module_names - {"__main__"} | {"chainrule", "numpy"}
LARGEST = 1000  # elements of a container that are looked at one by one


def snapshot(value: Any, depth: int = 4) -> Any:
    """Plain values copied, containers and plain objects taken apart, all else by identity."""
    if isinstance(value, PLAIN) or depth == 0:
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        if len(value) > LARGEST:
            return (len(value), id(value))
        return [type(value).__name__, *[snapshot(v, depth - 1) for v in value]]
    if isinstance(value, dict):
        if len(value) > LARGEST:
            return (len(value), id(value))
        return {key: snapshot(v, depth - 1) for key, v in value.items()}
    if _is_users(type(value)) and not callable(value) and hasattr(value, "__dict__"):
        return [value, {k: snapshot(v, depth - 1) for k, v in vars(value).items()}]
    return value


def _is_users(what: Any) -> bool:
    """Whether a class or function belongs to the program rather than to a library."""
    package = (getattr(what, "__module__", None) or "").split(".")[0]
    return package not in LIBRARIES


def watch(function: Callable, trace: Trace, seen: set[int] | None = None) -> None:
    """Guard all that `function`, and the functions it names, read from outside."""
    seen = set() if seen is None else seen
    if isinstance(function, types.MethodType):
        owner = function.__self__
        trace.guard(partial(_state_of, owner), f"an attribute of {type(owner).__name__}")
        function = function.__func__
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    for name, read in _outside_reads(function):
        found = trace.guard(partial(_read_snapshot, read), f"the variable {name!r}")
        if isinstance(found, (types.FunctionType, types.MethodType)) and _is_users(found):
            watch(found, trace, seen)


def _state_of(owner: Any) -> Any:
    return snapshot(vars(owner)) if _is_users(type(owner)) else owner


def _read_snapshot(read: Callable[[], Any]) -> Any:
    return snapshot(read())


def _outside_reads(function: types.FunctionType) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The closure cells and globals whose names the function's code mentions."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield name, partial(_content, cell)
    names = _names(function.__code__)
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        if not isinstance(value, (types.ModuleType, type, types.BuiltinFunctionType)):
            yield name, partial(function.__globals__.get, name)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _names(code: types.CodeType) -> set[str]:
    """Names mentioned in the code and in functions defined inside it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
