"""Which tensors an optimizer is given, and whether it can work on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.tensor.tensor import Tensor

Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]


class _Required:
    """The default of a hyper-parameter that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def as_groups(owner: str, params: Params) -> list[dict[str, Any]]:
    """The parameter groups meant by `params`: tensors, (name, tensor) pairs or dicts.

    Raises: ArgumentTypeError or ArgumentError (CR601) where there is nothing to optimize.
    """
    if isinstance(params, (Tensor, str, Mapping)) or not isinstance(params, Iterable):
        raise ArgumentTypeError(
            "CR601",
            f"{owner} takes a list of tensors or of dicts, got a {type(params).__name__}; "
            "give model.parameters(), or [x] for a single tensor",
        )
    listed: list[Any] = list(params)
    if not listed:
        raise ArgumentError(
            "CR601",
            f"{owner} got an empty list of parameters. Has the module any, and was the "
            "iterator model.parameters() used up before?",
        )
    if any(isinstance(entry, dict) for entry in listed):
        return listed
    return [{"params": listed}]


def completed(
    owner: str, group: Mapping[str, Any], defaults: Mapping[str, Any], position: int
) -> dict[str, Any]:
    """The group with its tensors in a list and all that it leaves open filled in."""
    if not isinstance(group, Mapping) or "params" not in group:
        raise ArgumentTypeError(
            "CR601",
            f"{owner}: group {position} must be a dict with the tensors under 'params', got "
            f"{list(group) if isinstance(group, Mapping) else type(group).__name__}",
        )
    entries = _in_order(owner, group["params"])
    named = bool(entries) and all(_is_named(entry) for entry in entries)
    tensors = [entry[1] for entry in entries] if named else entries
    names = [entry[0] for entry in entries] if named else None
    for i, tensor in enumerate(tensors):
        _check_tensor(owner, tensor, names[i] if names else f"params[{i}]")
    full = {**defaults, **group, "params": tensors}
    for name, value in full.items():
        if value is required:
            raise ArgumentError("CR604", f"{owner}: group {position} gives no {name}")
    return {**full, "param_names": names} if names else full


def refuse_repeated(
    owner: str, groups: Iterable[Mapping[str, Any]], added: Mapping[str, Any]
) -> None:
    """Each parameter moves once per step, so it may be listed once.

    Raises: ArgumentError (CR603).
    """
    seen = {id(p) for group in groups for p in group["params"]}
    for i, p in enumerate(added["params"]):
        if id(p) in seen:
            name = added["param_names"][i] if "param_names" in added else f"params[{i}]"
            raise ArgumentError(
                "CR603",
                f"{owner}: {name} of shape {tuple(p.shape)} is listed twice; it would be "
                "updated twice in every step. List each parameter in one group, once",
            )
        seen.add(id(p))


def refuse_odd_arguments(owner: str, replaced: Any) -> None:
    """What a hook gives step in place of its arguments must be a tuple and a dict.

    Raises: ArgumentTypeError (CR613).
    """
    if not (isinstance(replaced, tuple) and len(replaced) == 2):
        raise ArgumentTypeError(
            "CR613",
            f"a hook before the step of {owner} returns None, or the arguments as a pair "
            f"(args, kwargs), got {replaced!r}",
        )


def _in_order(owner: str, params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        return [params]
    if isinstance(params, (set, frozenset)) or not isinstance(params, Iterable):
        raise ArgumentTypeError(
            "CR601",
            f"{owner}: 'params' must be a list of tensors, got a {type(params).__name__}; a "
            "set has no order, and the state of a checkpoint is found by position",
        )
    return list(params)


def _is_named(entry: Any) -> bool:
    return isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)


def _check_tensor(owner: str, tensor: Any, name: str) -> None:
    if not isinstance(tensor, Tensor):
        raise ArgumentTypeError(
            "CR601",
            f"{owner} optimizes tensors, but {name} is a {type(tensor).__name__}; give "
            "model.parameters(), or all of them as (name, tensor) pairs",
        )
    if not tensor.is_leaf and not tensor.retains_grad:
        raise ArgumentError(
            "CR602",
            f"{owner}: {name} of shape {tuple(tensor.shape)} was computed from other tensors, "
            "so a change of it would be overwritten. Give the leaf that it was computed from, "
            "or make it one, x = x.detach().requires_grad_()",
        )
