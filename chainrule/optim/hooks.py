"""Functions that run around the step of an optimizer, and around its state dicts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chainrule import observers
from chainrule.compiler.situation import snapshot, watch
from chainrule.errors import TraceError
from chainrule.optim.parameter_groups import refuse_odd_arguments
from chainrule.tensor import trace
from chainrule.tensor.attributes import Handle, add_hook
from chainrule.tensor.guards import same
from chainrule.tensor.symbol import Symbol, user_line
from chainrule.tensor.tensor import Tensor

Hooks = dict[int, Callable[..., Any]] | None
Step = Callable[..., Any]


class HookMethods:
    """What a user of an optimizer calls; a handle's remove() takes the hook off again."""

    state: dict[Any, dict[str, Any]]
    param_groups: list[dict[str, Any]]

    _stepping = False  # a step that calls the step of its base class runs the hooks once
    _step_pre_hooks: Hooks = None
    _step_post_hooks: Hooks = None
    _state_dict_pre_hooks: Hooks = None
    _state_dict_post_hooks: Hooks = None
    _load_state_dict_pre_hooks: Hooks = None
    _load_state_dict_post_hooks: Hooks = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls):
            cls.step = with_hooks(cls.step)  # type: ignore[attr-defined]

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before step; it may return both replaced."""
        return add_hook(self, "_step_pre_hooks", hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after step."""
        return add_hook(self, "_step_post_hooks", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., None], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer)` before state_dict."""
        return self._register("_state_dict_pre_hooks", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer, state_dict)` after state_dict; it may return another one."""
        return self._register("_state_dict_post_hooks", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another one."""
        return self._register("_load_state_dict_pre_hooks", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., None], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer)` after loading."""
        return self._register("_load_state_dict_post_hooks", hook, prepend)

    def _register(self, name: str, hook: Callable[..., Any], prepend: bool) -> Handle:
        handle = add_hook(self, name, hook)
        if prepend:
            hooks = getattr(self, name)
            *others, added = hooks.items()
            hooks.clear()
            hooks.update([added, *others])
        return handle

    def _through(self, name: str, state_dict: Any) -> Any:
        """The state dict as the hooks leave it."""
        for hook in tuple((getattr(self, name) or {}).values()):
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        return state_dict

    def _tell(self, name: str) -> None:
        for hook in tuple((getattr(self, name) or {}).values()):
            hook(self)

    def _step_hooks(self) -> tuple[Callable[..., Any], ...]:
        before, after = self._step_pre_hooks or {}, self._step_post_hooks or {}
        return (*before.values(), *after.values())

    def _hooks_but(self, known: set[observers.Hook]) -> tuple[Callable[..., Any], ...]:
        return tuple(hook for hook in self._step_hooks() if hook not in known)

    def __getstate__(self) -> dict[str, Any]:
        """For a copy, which nobody observes."""
        state = dict(vars(self))
        for name in ("_step_pre_hooks", "_step_post_hooks"):
            if hooks := state.get(name):
                state[name] = {k: f for k, f in hooks.items() if not observers.hooks_among([f])}
        return state

    def _bound(self) -> list[Any]:
        """The very groups, parameters and state tensors that a recorded step is bound to."""
        bound: list[Any] = [*self.param_groups]
        for group in self.param_groups:
            bound += group["params"]
        for kept in self.state.values():
            bound += kept.values()
        return bound


def with_hooks(step: Step) -> Step:
    """The method `step` with the hooks before and after it."""
    is_ours = step.__module__.startswith("chainrule.")
    run = step if is_ours else functools.partial(_watched, step)

    @functools.wraps(step)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        writing = trace.current.get()
        if self._stepping or (writing is None and not self._step_hooks()):
            return step(self, *args, **kwargs)
        if writing is not None:
            known = observers.hooks_among(self._step_hooks())
            others = functools.partial(self._hooks_but, known)
            watch(writing.guard(others, f"the hooks of {type(self).__name__}"), writing)
        self._stepping = True
        try:
            return _between_hooks(run, self, args, kwargs)
        finally:
            self._stepping = False

    return hooked


def _between_hooks(step: Step, owner: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    for hook in tuple((owner._step_pre_hooks or {}).values()):
        replaced = hook(owner, args, kwargs)
        if replaced is not None:
            refuse_odd_arguments(type(owner).__name__, replaced)
            args, kwargs = replaced
    result = step(owner, *args, **kwargs)
    for hook in tuple((owner._step_post_hooks or {}).values()):
        hook(owner, args, kwargs)
    return result


# -- steps that users write, in a trace ------------------------------------------------


OURS = ("state", "param_groups", "_stepping", "_begun")  # attributes that are no user's numbers


def _watched(step: Step, owner: Any, *args: Any, **kwargs: Any) -> Any:
    """A step whose code is not ours. In a trace all the Python numbers that it may have read
    are guarded, and it must not change any."""
    writing = trace.current.get()
    if writing is None:
        return step(owner, *args, **kwargs)
    name = type(owner).__name__
    before, state = _numbers(owner), {p: dict(kept) for p, kept in owner.state.items() if kept}
    groups = [dict(group) for group in owner.param_groups]
    result = step(owner, *args, **kwargs)
    if not same(before, _numbers(owner)) or _holds_symbols(owner.state):
        _restore(owner, state, groups)
        raise TraceError(
            "CR612",
            f"{name}.step() inside a compiled function{user_line()} makes entries of its state "
            "or changes Python numbers; that would happen once, when the function is traced. "
            "Take the first step outside, and count in a tensor, state['step'].add_(1)",
        )
    writing.guard(lambda: _numbers(owner), f"a number that {name} holds")
    writing.guard(owner._bound, f"what {name} works on")
    return result


def _numbers(owner: Any) -> list[Any]:
    """The plain values that an optimizer holds, copied."""
    own = {key: value for key, value in vars(owner).items() if key not in OURS}
    state = [
        (p, key, snapshot(value))
        for p, kept in owner.state.items()
        for key, value in kept.items()
        if not isinstance(value, Tensor)
    ]
    return [snapshot(own), state, *map(snapshot, owner.param_groups)]


def _holds_symbols(state: dict[Any, dict[str, Any]]) -> bool:
    """Whether a tensor was made in the trace, and has no numbers."""
    values = [value for kept in state.values() for value in kept.values()]
    return any(isinstance(x, Tensor) and isinstance(x._cell.array, Symbol) for x in values)


def _restore(owner: Any, state: dict[Any, Any], groups: list[dict[str, Any]]) -> None:
    """Put back what the step has changed, as no call of it will be completed."""
    owner.state.clear()
    owner.state.update(state)
    for group, before in zip(owner.param_groups, groups, strict=False):
        group.clear()
        group.update(before)
