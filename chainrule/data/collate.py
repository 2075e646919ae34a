"""Collating: many samples become one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.errors import DataError
from chainrule.tensor.creation import as_tensor, tensor
from chainrule.tensor.functions.joining import stack
from chainrule.tensor.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples as one batch, with a new first axis.

    Tensors, arrays and numbers become one tensor; tuples, lists and dicts are gone through
    part by part; texts stay a list.

    Raises: DataError (CR707) for samples that do not fit together.

    Example:
        >>> default_collate([(1, "a"), (2, "b")])
        [tensor([1, 2]), ['a', 'b']]
    """
    first = batch[0]
    if isinstance(first, (Tensor, np.ndarray, np.generic)):
        return _stacked(batch)
    if isinstance(first, float):
        return tensor(batch, dtype=dtypes.float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, Sequence):
        return _by_part(batch)
    raise DataError(
        "CR707",
        f"a sample holds a {type(first).__name__}, which does not become a tensor by itself; "
        "give DataLoader a collate_fn that makes the batch",
    )


def _stacked(samples: Sequence[Any]) -> Tensor:
    shapes = {tuple(np.shape(x._cell.array if isinstance(x, Tensor) else x)) for x in samples}
    if len(shapes) > 1:
        raise DataError(
            "CR707",
            f"the samples of a batch have different shapes, {' and '.join(map(str, shapes))}; "
            "bring them to one shape, or give DataLoader a collate_fn that pads them",
        )
    if isinstance(samples[0], Tensor):
        return stack(samples)
    return as_tensor(np.stack(samples))


def _by_part(batch: Sequence[Any]) -> Any:
    """First parts together, second parts together, …; a named tuple stays one."""
    first = batch[0]
    if any(len(sample) != len(first) for sample in batch):
        lengths = sorted({len(sample) for sample in batch})
        raise DataError(
            "CR707",
            f"the samples of a batch have different numbers of parts, {lengths}; each sample "
            "needs the same parts, or DataLoader a collate_fn",
        )
    parts = [default_collate(part) for part in zip(*batch)]
    return type(first)(*parts) if hasattr(first, "_fields") else parts


def default_convert(sample: Any) -> Any:
    """One sample with its arrays and NumPy numbers as tensors, for batch_size=None."""
    if isinstance(sample, (np.ndarray, np.generic)):
        return as_tensor(np.asarray(sample))
    if isinstance(sample, Mapping):
        return {key: default_convert(value) for key, value in sample.items()}
    if isinstance(sample, (tuple, list)):
        parts = [default_convert(part) for part in sample]
        return type(sample)(*parts) if hasattr(sample, "_fields") else parts
    return sample
