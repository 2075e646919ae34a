"""Collating: many samples become one batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.errors import ArgumentTypeError, DataError
from chainrule.tensor.creation import as_tensor, tensor
from chainrule.tensor.functions.joining import stack
from chainrule.tensor.tensor import Tensor

NO_NUMBERS = "SUOM"  # NumPy's letters for bytes, texts, objects and dates
CollateMap = Mapping[type | tuple[type, ...], Callable[..., Any]]


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples as one batch, with a new first axis.

    Tensors, arrays and numbers become one tensor; tuples, lists and dicts are gone through
    part by part; texts stay a list.

    Raises: DataError (CR707) for samples that do not fit together; ArgumentTypeError (CR707)
    for what does not become a tensor.

    Example:
        >>> default_collate([(1, "a"), (2, "b")])
        [tensor([1, 2]), ['a', 'b']]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Samples as one batch, by the rules of a map from types to functions.

    Each function is called as `function(samples, collate_fn_map=map)`. Types that the map
    does not know are gone through part by part, if they are containers.

    Example:
        >>> class Word(str):
        ...     pass
        >>> def joined(words, *, collate_fn_map):
        ...     return " ".join(words)
        >>> rules = {Word: joined, **default_collate_fn_map}
        >>> collate([(Word("a"), 1), (Word("b"), 2)], collate_fn_map=rules)
        ['a b', tensor([1, 2])]
    """
    first = batch[0]
    rule = _rule(first, collate_fn_map or {})
    if rule is not None:
        return rule(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        _check_keys(batch)
        return _alike(
            first,
            {
                key: collate([s[key] for s in batch], collate_fn_map=collate_fn_map)
                for key in first
            },
        )
    if isinstance(first, Sequence):
        _check_lengths(batch)
        parts = [collate(part, collate_fn_map=collate_fn_map) for part in zip(*batch)]
        return _alike(first, parts)
    raise ArgumentTypeError(
        "CR707",
        f"a sample holds a {type(first).__name__}, which does not become a tensor by itself; "
        "give DataLoader a collate_fn that makes the batch",
    )


def _rule(first: Any, rules: CollateMap) -> Callable[..., Any] | None:
    """What collates things of this type: the rule for the type itself, else for a base."""
    if type(first) in rules:
        return rules[type(first)]
    return next((rules[kind] for kind in rules if isinstance(first, kind)), None)


def _alike(container: Any, parts: Any) -> Any:
    """The parts in a container of the same type, where it can be made; tuples become lists."""
    if hasattr(container, "_fields"):
        return type(container)(*parts)
    if type(container) in (dict, list, tuple):
        return parts
    try:
        if isinstance(container, (MutableMapping, MutableSequence)):
            made = copy.copy(container)
            for key, part in parts.items() if isinstance(parts, dict) else enumerate(parts):
                made[key] = part
            return made
        return parts if isinstance(container, tuple) else type(container)(parts)
    except TypeError:
        return parts


def _check_keys(batch: Sequence[Mapping]) -> None:
    for sample in batch:
        lacking = [key for key in batch[0] if key not in sample]
        if lacking:
            raise DataError(
                "CR707",
                f"a sample of the batch has no {lacking[0]!r}, the first one has: its keys are "
                f"{list(sample)}; each sample needs the same keys, or DataLoader a collate_fn",
            )


def _check_lengths(batch: Sequence[Sequence]) -> None:
    if any(len(sample) != len(batch[0]) for sample in batch):
        lengths = sorted({len(sample) for sample in batch})
        raise DataError(
            "CR707",
            f"the samples of a batch have different numbers of parts, {lengths}; each sample "
            "needs the same parts, or DataLoader a collate_fn",
        )


def collate_arrays(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Tensors or arrays of one shape, stacked."""
    shapes = {tuple(np.shape(x._cell.array if isinstance(x, Tensor) else x)) for x in batch}
    if len(shapes) > 1:
        raise DataError(
            "CR707",
            f"the samples of a batch have different shapes, {' and '.join(map(str, shapes))}; "
            "bring them to one shape, or give DataLoader a collate_fn that pads them",
        )
    if isinstance(batch[0], Tensor):
        return stack(batch)
    if np.asarray(batch[0]).dtype.kind in NO_NUMBERS:
        raise ArgumentTypeError(
            "CR707",
            f"a sample holds an array of {np.asarray(batch[0]).dtype}, which does not become a "
            "tensor; give DataLoader a collate_fn that makes the batch",
        )
    return as_tensor(np.stack(batch))


def collate_floats(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python's floats as float64."""
    return tensor(batch, dtype=dtypes.float64)


def collate_integers(
    batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None
) -> Tensor:
    """Python's whole numbers and truth values."""
    return tensor(batch)


def collate_texts(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Texts stay as they are, in a list."""
    return list(batch)


#: how default_collate treats each type; types of one's own may be added
default_collate_fn_map: dict[type | tuple[type, ...], Callable[..., Any]] = {
    Tensor: collate_arrays,
    np.ndarray: collate_arrays,
    str: collate_texts,
    bytes: collate_texts,
    np.generic: collate_arrays,
    float: collate_floats,
    int: collate_integers,
}


def default_convert(data: Any) -> Any:
    """One sample with its arrays and NumPy numbers as tensors, for batch_size=None."""
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in NO_NUMBERS else as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return _alike(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence):
        return _alike(data, [default_convert(part) for part in data])
    return data
