"""The state of a module by name: all parameters and the buffers that are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import ArgumentTypeError, ModuleError
from chainrule.nn.parameter import is_lazy
from chainrule.tensor.attributes import Handle, add_hook
from chainrule.tensor.creation import as_tensor
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

EXTRA = "_extra_state"  # how the extra state of a module is called in a state dict


class IncompatibleKeys(NamedTuple):
    """What load_state_dict(strict=False) found only on one side."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


class StateDictMethods:
    """What a user calls; every `register_…` returns a handle whose remove() undoes it."""

    _state_dict_pre_hooks: dict[int, Callable] | None = None
    _state_dict_hooks: dict[int, Callable] | None = None
    _load_pre_hooks: dict[int, Callable] | None = None
    _load_post_hooks: dict[int, Callable] | None = None

    def state_dict(
        self,
        *,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """The parameters and buffers by name; an entry shares its memory with the module.

        Writing through an entry changes the module; copy.deepcopy keeps a state.

        Args:
            destination: a dict to add them to
            prefix: what goes before every name
            keep_vars: give the parameters themselves, not detached tensors on their memory
        """
        module: Any = self
        found: Any = OrderedDict() if destination is None else destination
        for hook in tuple((self._state_dict_pre_hooks or {}).values()):
            hook(module, prefix, keep_vars)
        self._save_to_state_dict(found, prefix, keep_vars)
        for name, child in module._adopt().items():
            if child is not None:
                start = f"{prefix}{name}."
                child.state_dict(destination=found, prefix=start, keep_vars=keep_vars)
        for hook in tuple((self._state_dict_hooks or {}).values()):
            replaced = hook(module, found, prefix, {})
            found = found if replaced is None else replaced
        return found

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        """Add the state of this very module, not that of its children."""
        for name, tensor in _own_entries(self):
            kept = keep_vars or is_lazy(tensor)
            destination[prefix + name] = tensor if kept else tensor.detach()
        if _has_extra_state(self):
            destination[prefix + EXTRA] = self.get_extra_state()

    def get_extra_state(self) -> Any:
        """What else belongs into the state dict; for subclasses, with set_extra_state."""
        raise ModuleError(
            "CR506",
            f"{type(self).__name__} has no extra state; define get_extra_state() and "
            "set_extra_state(state)",
        )

    def set_extra_state(self, state: Any) -> None:
        """Take over what get_extra_state() returned when the state dict was made."""
        self.get_extra_state()  # raises where there is none

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a state dict into the parameters and buffers of the same names.

        Nothing is changed unless everything fits. Parameters of lazy layers take their shape.

        Args:
            strict: whether both sides must have the same names
            assign: put the tensors of the state dict in place of the values, their type too

        Raises: ModuleError (CR504) that lists what is missing, unexpected and of another shape;
            ArgumentTypeError (CR503) for what is no dict.
        """
        given = _as_dict(state_dict)
        found = IncompatibleKeys([], [])
        own = OrderedDict(_entries(self))
        extra = _extra_states(self)
        self._run_load_pre_hooks(given, strict, found)
        found.missing_keys.extend(name for name in (*own, *extra) if name not in given)
        found.unexpected_keys.extend(k for k in given if k not in own and k not in extra)
        values = {name: _tensor(name, given[name]) for name in own if name in given}
        misshaped = [name for name, value in values.items() if not _fits(value, own[name])]
        if misshaped or (strict and any(found)):
            raise _misfit(self, own, values, *found, misshaped)
        with no_grad():
            for name, value in values.items():
                _load(own[name], value, assign)
        for name, module in extra.items():
            if name in given:
                module.set_extra_state(given[name])
        self._run_load_post_hooks(found)
        return found

    def _run_load_pre_hooks(
        self, given: dict[str, Any], strict: bool, found: IncompatibleKeys
    ) -> None:
        errors: list[str] = []
        for start, module in self._parts():
            for hook in tuple((module._load_pre_hooks or {}).values()):
                hook(module, given, start, {}, strict, *found, errors)
        if errors:
            raise ModuleError("CR504", f"load_state_dict: {'; '.join(errors)}")

    def _run_load_post_hooks(self, found: IncompatibleKeys) -> None:
        for _, module in reversed(self._parts()):
            for hook in tuple((module._load_post_hooks or {}).values()):
                if hook(module, found) is not None:
                    raise ArgumentTypeError(
                        "CR503",
                        "a load_state_dict post hook returns None; to change what is reported, "
                        "change incompatible_keys in place",
                    )

    def _parts(self) -> list[tuple[str, Any]]:
        """This module and all in it, with what their names in a state dict begin with."""
        module: Any = self
        named = module.named_modules(remove_duplicate=False)
        return [(f"{path}." if path else "", part) for path, part in named]

    def register_state_dict_pre_hook(self, hook: Callable[..., None]) -> Handle:
        """Call `hook(module, prefix, keep_vars)` before the state of this module is taken."""
        return add_hook(self, "_state_dict_pre_hooks", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, state_dict, prefix, {})` after the state of this module is in."""
        return add_hook(self, "_state_dict_hooks", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> Handle:
        """Call the hook before anything is compared; it may change the state dict in place.

        Its arguments: module, state_dict (a copy), prefix, {}, strict, missing_keys,
        unexpected_keys, error_msgs; what it adds to the last one becomes an error.
        """
        return add_hook(self, "_load_pre_hooks", hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., None], with_module: bool = False
    ) -> Handle:
        """The older form, whose hook is called without the module."""
        if with_module:
            return self.register_load_state_dict_pre_hook(hook)
        return self.register_load_state_dict_pre_hook(lambda module, *args: hook(*args))

    def register_load_state_dict_post_hook(self, hook: Callable[..., None]) -> Handle:
        """Call `hook(module, incompatible_keys)` when everything is loaded."""
        return add_hook(self, "_load_post_hooks", hook)


def _own_entries(module: Any) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers of this very module that belong in a state dict."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            yield name, parameter
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent_buffers:
            yield name, buffer


def _entries(module: Any) -> Iterator[tuple[str, Tensor]]:
    """Everything that belongs in a state dict; what is shared under each of its names."""
    for start, part in module._parts():
        for name, tensor in _own_entries(part):
            yield start + name, tensor


def _has_extra_state(module: Any) -> bool:
    return type(module).get_extra_state is not StateDictMethods.get_extra_state


def _extra_states(module: Any) -> dict[str, Any]:
    """The names of extra states, and whose they are."""
    return {start + EXTRA: part for start, part in module._parts() if _has_extra_state(part)}


def _as_dict(state_dict: Any) -> dict[str, Any]:
    if not isinstance(state_dict, Mapping):
        raise ArgumentTypeError(
            "CR503",
            f"load_state_dict takes a dict of tensors by name, got "
            f"{type(state_dict).__name__}; for a file, chainrule.load(path) comes first",
        )
    return dict(state_dict)


def _fits(value: Tensor, own: Tensor) -> bool:
    return is_lazy(own) or value.shape == own.shape


def _load(own: Tensor, value: Tensor, assign: bool) -> None:
    """Put a value into a parameter or buffer, which takes its shape first if it has none."""
    if is_lazy(own):
        if is_lazy(value):
            return
        own.materialize(tuple(value.shape))
    if assign:
        own.data = value
    else:
        own.copy_(value)


def _tensor(name: str, value: Any) -> Tensor:
    if not isinstance(value, (Tensor, np.ndarray)):
        raise ArgumentTypeError(
            "CR503",
            f"the entry {name!r} of a state dict must be a tensor (or a NumPy array), got "
            f"{type(value).__name__}",
        )
    return as_tensor(value)


def _misfit(
    module: Any,
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    missing: list[str],
    unexpected: list[str],
    misshaped: list[str],
) -> ModuleError:
    shapes = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(own[name].shape)}"
        for name in misshaped
    ]
    groups = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    listed = "; ".join(f"{what}: {', '.join(keys)}" for what, keys in groups.items() if keys)
    return ModuleError(
        "CR504",
        f"the state dict does not fit {type(module).__name__}: {listed}. "
        + _repair(own, missing, unexpected, misshaped),
    )


def _repair(
    own: Mapping[str, Tensor], missing: list[str], unexpected: list[str], misshaped: list[str]
) -> str:
    prefixes = {name.partition(".")[0] for name in unexpected}
    if len(prefixes) == 1:
        prefix = prefixes.pop() + "."
        if missing and all(name.removeprefix(prefix) in own for name in unexpected):
            return (
                f"All names begin with {prefix!r}; take it away: "
                f"{{k.removeprefix({prefix!r}): v for k, v in state_dict.items()}}"
            )
    if misshaped:
        return "Build the module with the sizes it was saved with"
    return "strict=False loads what has the same name on both sides"
