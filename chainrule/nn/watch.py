"""What a compiled function depends on in the modules it calls: their plain Python state."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from chainrule.compiler.situation import PLAIN, snapshot
from chainrule.nn.members import KINDS
from chainrule.tensor.guards import same
from chainrule.tensor.trace import Trace

if TYPE_CHECKING:
    from chainrule.nn.module import Module

#: of each trace the modules whose state is guarded, or that were made in it
_known: WeakKeyDictionary[Trace, WeakSet[Module]] = WeakKeyDictionary()


def born(module: Module, trace: Trace) -> None:
    """A module made inside a trace is made anew at every call; its state is no condition."""
    _known.setdefault(trace, WeakSet()).add(module)


def watch(module: Module, trace: Trace) -> None:
    """Guard the state of a module, once in a trace; another state is another recording."""
    seen = _known.setdefault(trace, WeakSet())
    if module in seen:
        return
    seen.add(module)
    name = type(module).__name__
    trace.guard(lambda: module.training, f"the mode of a {name}, train() or eval(),")
    trace.guard(_state_reader(module), f"an attribute of a {name}")


def _state_reader(module: Module) -> Callable[[], Any]:
    """A function that returns the state: the same object again while nothing has changed."""
    first, state = _references(module), _state(module)
    mutable = [
        value
        for name, value in module.__dict__.items()
        if name not in KINDS and not _is_fixed(value)
    ]
    contents = snapshot(mutable)

    def read() -> Any:
        now = _references(module)
        unchanged = len(now) == len(first) and all(map(operator.is_, now, first))
        if unchanged and (not mutable or same(snapshot(mutable), contents)):
            return state
        return _state(module)

    return read


def _state(module: Module) -> list[Any]:
    """All attributes: plain values copied, children, parameters and buffers by identity."""
    return [snapshot(module.__dict__), _flags(module)]


def _references(module: Module) -> list[Any]:
    """The objects that the state consists of, to be compared by identity."""
    attributes = module.__dict__
    found: list[Any] = _flags(module)
    for group in (attributes, *[attributes[kind] for kind in KINDS]):
        found += group
        found += group.values()
    return found


def _flags(module: Module) -> list[bool]:
    """Which of the parameters are learned."""
    return [p is not None and p._requires_grad for p in module._parameters.values()]


def _is_fixed(value: Any) -> bool:
    """Whether a value cannot change without becoming another object."""
    if isinstance(value, (tuple, frozenset)):
        return all(isinstance(part, PLAIN) for part in value)
    return snapshot(value) is value
