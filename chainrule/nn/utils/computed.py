"""Attributes of one module that are computed whenever they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.nn.module import Module


class Computing(Module):
    """Put before the class of a module, of which some attributes are computed."""

    _readers: dict[str, Callable[[Any], Any]]
    _writers: dict[str, Callable[[Any, Any], None]]
    _plain: type[Module]  # what the module was before

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._readers:
            self._writers[name](self, value)
        else:
            super().__setattr__(name, value)


def compute(
    module: Module,
    name: str,
    read: Callable[[Any], Any],
    write: Callable[[Any, Any], None],
    class_name: str | None = None,
) -> None:
    """Let `module.name` be what `read(module)` returns; assigning calls `write`.

    The module gets a class of its own, as properties belong to classes. What is registered
    under the name is taken away.
    """
    module._parameters.pop(name, None)
    module._buffers.pop(name, None)
    kind: Any = type(module)
    if "_readers" not in vars(kind):
        title = kind.__name__ if class_name is None else class_name
        start = {"_readers": {}, "_writers": {}, "_plain": kind, "__module__": kind.__module__}
        kind = type(title, (Computing, kind), start)
        module.__class__ = kind
    kind._readers = {**kind._readers, name: read}
    kind._writers = {**kind._writers, name: write}
    setattr(kind, name, property(read))


def is_computed(module: Module, name: str) -> bool:
    """Whether an attribute of this very module is computed."""
    return isinstance(module, Computing) and name in module._readers


def stop_computing(module: Module, name: str) -> None:
    """Let the attribute be a plain one again, and the module what it was when none is left."""
    kind: Any = type(module)
    kind._readers = {key: read for key, read in kind._readers.items() if key != name}
    delattr(kind, name)
    if not kind._readers:
        module.__class__ = kind._plain
