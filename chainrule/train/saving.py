"""save and load: tensors and plain values, nested as they are, in one safetensors file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.files import write_file
from chainrule.device import resolve_device
from chainrule.errors import ArgumentTypeError, RunError
from chainrule.tensor.tensor import Tensor
from chainrule.train.safetensors import read_arrays, write_arrays

STRUCTURE = "chainrule"  # the metadata entry that says how the values are nested


def save(obj: Any, f: str | os.PathLike) -> None:
    """Write tensors and plain values to a safetensors file.

    Args:
        obj: a tensor, number, text, bool or None; or dicts, lists and tuples of these, such as
            `model.state_dict()` or `{"model": …, "optimizer": …, "epoch": 3}`.
        f: the file; an earlier one of that name stays whole until the new one is complete.

    Notes: the tensors are named after their place ("model.fc1.weight"), so other programs that
    read safetensors find them; how the values are nested stands beside them as JSON.

    Raises: ArgumentTypeError (CR805) for a value of another kind; RunError (CR803) where the
    file cannot be written.

    Example:
        >>> import chainrule as cr
        >>> save({"w": cr.ones(2), "epoch": 3}, "numbers.safetensors")
        >>> load("numbers.safetensors")
        {'w': tensor([1., 1.]), 'epoch': 3}
    """
    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_packed(obj, "", arrays))
    write_file(f, lambda file: write_arrays(file, arrays, {STRUCTURE: structure}))


def load(f: str | os.PathLike, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """What save() wrote; of any other safetensors file the dict of its tensors.

    Args: map_location: a device; weights_only: nothing else is ever read, no pickle is opened.

    Raises: RunError (CR804) for a file that is missing, of another kind, or damaged.
    """
    resolve_device(map_location)
    arrays, metadata = read_arrays(Path(f))
    tensors = {name: Tensor._of(array) for name, array in arrays.items()}
    if STRUCTURE not in metadata:
        return tensors
    try:
        return _unpacked(json.loads(metadata[STRUCTURE]), tensors)
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            "CR804", f"{f} was damaged: its description does not fit its tensors ({error})"
        ) from None


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
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in content}
    raise ValueError(f"no kind of value is called {kind!r}")
