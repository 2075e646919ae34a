"""An optimizer's memory as plain dicts, in PyTorch's form.

    {"state": {0: {"step": …, "exp_avg": …}, 1: …},
     "param_groups": [{"lr": 0.001, …, "params": [0, 1]}]}

A parameter is known by its position, counted through all groups.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from chainrule import dtypes, settings
from chainrule.errors import ArgumentError
from chainrule.tensor.creation import zeros
from chainrule.tensor.tensor import Tensor

Group = dict[str, Any]


def step_count() -> Tensor:
    """A new count of steps: 0-d, in float32 unless the default type is float64."""
    double = settings.defaults.float_dtype == dtypes.float64.numpy
    return zeros((), dtype=dtypes.float64 if double else dtypes.float32)


def pack(state: Mapping[Tensor, Group], groups: Sequence[Group]) -> dict[str, Any]:
    """The state dict; its tensors are those of the optimizer, not copies."""
    params = [p for group in groups for p in group["params"]]
    position = {id(p): i for i, p in enumerate(params)}
    packed = []
    for group in groups:
        numbers = {key: value for key, value in group.items() if key != "params"}
        packed.append({**numbers, "params": [position[id(p)] for p in group["params"]]})
    kept = {position[id(p)]: dict(s) for p, s in state.items() if id(p) in position}
    return {"state": kept, "param_groups": packed}


def merged_groups(
    owner: str,
    saved: Mapping[str, Any],
    groups: Sequence[Group],
    defaults: Group,
    needed: Collection[str],
) -> list[Group]:
    """The groups with their own parameters and the saved hyper-parameters.

    Raises: ArgumentError (CR605) where the numbers of groups or parameters differ, or where
    one of the `needed` hyper-parameters was not saved.
    """
    if not isinstance(saved, Mapping) or not {"state", "param_groups"} <= saved.keys():
        _refuse(owner, "it needs the entries 'state' and 'param_groups'")
    theirs = [len(group["params"]) for group in saved["param_groups"]]
    ours = [len(group["params"]) for group in groups]
    if theirs != ours:
        _refuse(owner, f"its groups have {theirs} parameters, the optimizer's {ours}")
    merged = []
    for group, other in zip(groups, saved["param_groups"], strict=True):
        if lacking := [name for name in needed if name not in other]:
            _refuse(owner, f"its groups have no {', '.join(lacking)}")
        names = {key: group[key] for key in ("param_names",) if key in group}
        taken = {key: _copied(value) for key, value in other.items()}
        merged.append({**defaults, **names, **taken, "params": group["params"]})
    return merged


def unpacked(
    owner: str,
    saved: Mapping[str, Any],
    groups: Sequence[Group],
    new_state: Callable[[Tensor, Group], Group],
) -> defaultdict[Tensor, Group]:
    """Copies of the saved state by parameter, in the types of a new state or the parameter.

    Raises: ArgumentError (CR605) where a tensor is missing or has another shape.
    """
    state: defaultdict[Tensor, Group] = defaultdict(dict)
    for group, other in zip(groups, saved["param_groups"], strict=True):
        for p, position in zip(group["params"], other["params"], strict=True):
            if position in saved["state"]:
                expected = new_state(p, group)
                found = _in_type_of(p, saved["state"][position], expected)
                _check_tensors(owner, position, found, expected)
                state[p] = found
    return state


def _in_type_of(p: Tensor, saved: Mapping[str, Any], expected: Group) -> Group:
    taken = {key: _copied(value) for key, value in saved.items()}
    for key, value in taken.items():
        if key == "step":
            if "step" in expected and not isinstance(value, Tensor):
                taken[key] = step_count() + value
        elif p.is_floating_point():
            like = expected.get(key)
            taken[key] = _converted(value, like.dtype if isinstance(like, Tensor) else p.dtype)
    return taken


def _converted(value: Any, to: dtypes.dtype) -> Any:
    """A tensor, or the tensors in a list, in another type."""
    if isinstance(value, Tensor):
        return value.to(to)
    return [_converted(part, to) for part in value] if isinstance(value, list) else value


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return copy.deepcopy(value)


def _check_tensors(owner: str, position: int, found: Group, expected: Group) -> None:
    for key, tensor in expected.items():
        if key not in found:
            _refuse(owner, f"parameter {position} lacks {key!r}, it has {sorted(found)}")
        if found[key] is not None and tensor is not None and found[key].shape != tensor.shape:
            _refuse(
                owner,
                f"{key!r} of parameter {position} has shape {tuple(found[key].shape)} "
                f"instead of {tuple(tensor.shape)}",
            )


def _refuse(owner: str, reason: str) -> None:
    raise ArgumentError(
        "CR605",
        f"this state dict does not fit the {owner}: {reason}. It must come from the same kind "
        "of optimizer, over the same parameters in the same order",
    )
