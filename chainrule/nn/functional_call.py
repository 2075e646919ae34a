"""A module called with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.nn.watch import born, watch
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor

Tensors = Mapping[str, Tensor]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Tensors | Sequence[Tensors],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs), with these tensors in place of its parameters and buffers.

    So the output is a function of the parameters, which may be any tensors, and the module
    keeps its own. In-place changes of buffers reach the tensors that were given.

    Args:
        parameter_and_buffer_dicts: tensors by name, in one dict or several
        args: the positional arguments, a tuple; anything else is the only one
        tie_weights: whether what is shared is replaced under all its names
        strict: whether every parameter and buffer has to be given
    Raises:  ArgumentError (CR567) for names that the module does not have, or lacks.

    Example:
        >>> import chainrule as cr
        >>> from chainrule import nn
        >>> layer = nn.Linear(2, 1, bias=False)
        >>> functional_call(layer, {"weight": cr.tensor([[3.0, 4.0]])}, cr.ones(2))
        tensor([7.])
    """
    given = _together(parameter_and_buffer_dicts)
    named = _named(module)
    missing = sorted(named.keys() - given.keys()) if strict else []
    unexpected = sorted(given.keys() - named.keys())
    if missing or unexpected:
        raise ArgumentError(
            "CR567",
            f"functional_call of {type(module).__name__}: not there: "
            f"{', '.join(unexpected) or 'none'}; not given: {', '.join(missing) or 'none'}",
        )
    replaced = {named[name]: tensor for name, tensor in given.items()} if tie_weights else {}
    stand_in = _copied(module, "", given, replaced, {})
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    return stand_in(*positional, **(kwargs or {}))


def _together(dicts: Tensors | Sequence[Tensors]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for each in [dicts] if isinstance(dicts, Mapping) else dicts:
        if repeated := found.keys() & each.keys():
            raise ArgumentError(
                "CR567", f"functional_call: {', '.join(sorted(repeated))} is given twice"
            )
        found.update(each)
    return found


def _named(module: Module) -> dict[str, Tensor]:
    parameters = module.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(module.named_buffers(remove_duplicate=False))}


def _copied(
    module: Module,
    prefix: str,
    given: Tensors,
    replaced: Mapping[Tensor, Tensor],
    done: dict[Module, Module],
) -> Module:
    """A module on the same state, but for what is given; a shared part stays shared."""
    if module in done:
        return done[module]
    twin = done[module] = object.__new__(type(module))
    if (writing := trace.current.get()) is not None:
        watch(module, writing)
        born(twin, writing)
    state = twin.__dict__
    state.update(module.__dict__)
    for kind in ("_parameters", "_buffers"):
        state[kind] = {
            name: given.get(prefix + name, None if own is None else replaced.get(own, own))
            for name, own in module.__dict__[kind].items()
        }
    state["_modules"] = {
        name: child and _copied(child, f"{prefix}{name}.", given, replaced, done)
        for name, child in module._adopt().items()
    }
    return twin
