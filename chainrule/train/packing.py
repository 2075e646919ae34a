"""Nested values taken apart into arrays with names and a description in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.errors import ArgumentTypeError
from chainrule.tensor.tensor import Tensor
from chainrule.train.pickle_reader import checked_key


def pack(obj: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """The value as JSON, and the arrays of its tensors, named after their places.

    Raises: ArgumentTypeError (CR805) for a value of another kind.
    """
    arrays: dict[str, np.ndarray] = {}
    return _packed(obj, "", arrays), arrays


def unpack(packed: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """What was packed.

    Raises: ValueError, KeyError or TypeError where the description does not fit the arrays.
    """
    return _unpacked(packed, {name: Tensor._of(array) for name, array in arrays.items()})


def _packed(value: Any, place: str, arrays: dict[str, np.ndarray] | None) -> Any:
    """`value` as JSON; tensors go into `arrays` (keys have none), their names stay behind."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Tensor) and arrays is not None:
        name = _free_name(place or "tensor", arrays)
        arrays[name] = value.detach()._array("save()")
        return {"tensor": name}
    if isinstance(value, dict):
        pairs = [(k, v, f"{place}.{k}" if place else str(k)) for k, v in value.items()]
        return {"dict": [[_packed(k, p, None), _packed(v, p, arrays)] for k, v, p in pairs]}
    if isinstance(value, (list, tuple)):
        places = [f"{place}.{i}" if place else str(i) for i in range(len(value))]
        items = [_packed(v, p, arrays) for v, p in zip(value, places, strict=True)]
        return items if isinstance(value, list) else {"tuple": items}
    raise ArgumentTypeError(
        "CR805",
        f"save: {place or 'the object'} is a {type(value).__name__}, but a file holds tensors, "
        "numbers, texts, bools, None, and dicts, lists and tuples of them. Of a model or an "
        "optimizer save its state_dict()",
    )


def _free_name(place: str, arrays: dict[str, np.ndarray]) -> str:
    """The place, with a number behind it if another tensor already has that name."""
    name, number = place, 1
    while name in arrays:
        number += 1
        name = f"{place}#{number}"
    return name


def _unpacked(packed: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(packed, list):
        return [_unpacked(item, tensors) for item in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple([_unpacked(item, tensors) for item in content])
    if kind == "dict":
        return {checked_key(_unpacked(k, tensors)): _unpacked(v, tensors) for k, v in content}
    raise ValueError(f"no kind of value is called {kind!r}")
