"""What a compiled function depends on in the modules it calls: their plain Python state."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from chainrule import observers
from chainrule.compiler.situation import SnapshotGuard, settle
from chainrule.tensor.guards import Witness
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
    children, parameters and buffers by identity; the hooks of observers that were there may
    go, but none may come."""

    def __init__(self, module: Module) -> None:
        hooks = (module._forward_pre_hooks or {}).values()
        known = observers.hooks_among(hook.function for hook in hooks)
        super().__init__(
            partial(_state_without, module, known), f"an attribute of a {type(module).__name__}"
        )
        self._module, self._training = module, module.training

    def is_settled_by(self, witness: Witness) -> bool:
        witness.add_read(partial(vars, self._module))
        return settle(vars(self._module), witness)

    @property
    def what(self) -> str:
        if self._module.training is self._training:
            return super().what
        return f"the mode of a {type(self._module).__name__}, train() or eval(),"


def _state_without(module: Module, known: set[observers.Hook]) -> dict[str, Any]:
    """The attributes of a module without some hooks."""
    state, hooks = vars(module), module._forward_pre_hooks
    if hooks is None:
        return state
    others = {key: hook for key, hook in hooks.items() if hook.function not in known}
    state = {name: value for name, value in state.items() if name != "_forward_pre_hooks"}
    return state | {"_forward_pre_hooks": others} if others else state
