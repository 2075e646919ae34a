"""The state of a module by name: all parameters and the buffers that are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import ArgumentTypeError, ModuleError
from chainrule.tensor.creation import as_tensor
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


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
    """What a user calls."""

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
        found = OrderedDict() if destination is None else destination
        for name, tensor in _entries(self):
            found[prefix + name] = tensor if keep_vars else tensor.detach()
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a state dict into the parameters and buffers of the same names.

        Nothing is changed unless everything fits.

        Args:
            strict: whether both sides must have the same names
            assign: put the tensors of the state dict in place of the values, their type too

        Raises: ModuleError (CR504) that lists what is missing, unexpected and of another shape.
        """
        own = OrderedDict(_entries(self))
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        given = {name: _tensor(name, state_dict[name]) for name in own if name in state_dict}
        misshaped = [name for name, value in given.items() if value.shape != own[name].shape]
        if misshaped or (strict and (missing or unexpected)):
            raise _misfit(self, own, given, missing, unexpected, misshaped)
        with no_grad():
            for name, value in given.items():
                if assign:
                    own[name].data = value
                else:
                    own[name].copy_(value)
        return IncompatibleKeys(missing, unexpected)


def _entries(module: Any) -> Iterator[tuple[str, Tensor]]:
    """Everything that belongs in a state dict; what is shared under each of its names."""
    for path, part in module.named_modules(remove_duplicate=False):
        start = f"{path}." if path else ""
        for name, parameter in part._parameters.items():
            if parameter is not None:
                yield start + name, parameter
        for name, buffer in part._buffers.items():
            if buffer is not None and name not in part._non_persistent_buffers:
                yield start + name, buffer


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
