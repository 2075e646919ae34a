"""What a compiled function depends on in the modules it calls: their plain Python state."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from chainrule.compiler.situation import SnapshotGuard
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
    trace.require(ModuleGuard(module))


class ModuleGuard(SnapshotGuard):
    """That the state of a module is what it was: all attributes, plain values copied,
    children, parameters and buffers by identity."""

    def __init__(self, module: Module) -> None:
        super().__init__(partial(vars, module), f"an attribute of a {type(module).__name__}")
        self._module, self._training = module, module.training

    @property
    def what(self) -> str:
        if self._module.training is self._training:
            return super().what
        return f"the mode of a {type(self._module).__name__}, train() or eval(),"
