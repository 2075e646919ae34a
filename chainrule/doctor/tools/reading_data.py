"""Data read block by block, for a look at it: from loaders, datasets and arrays."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data.dataset import IterableDataset, read_batch
from chainrule.data.loader import DataLoader
from chainrule.errors import ArgumentTypeError, DataError
from chainrule.tensor.tensor import Tensor

BLOCK = 256  # samples that are read at once from what is not in batches
TARGETS = ("target", "targets", "label", "labels", "y")  # keys of a batch that is a dict


@dataclass(frozen=True)
class Block:
    """Some samples: arrays with the samples along their first axis.

    Args: numbers: of the samples: positions in a dataset, else counted as they came.
    """

    inputs: dict[str, np.ndarray]
    targets: np.ndarray | None
    size: int
    numbers: np.ndarray


@dataclass
class Source:
    """Where data comes from.

    Args:
        batches: the batches, each as it comes.
        total: how many samples there are in all; None where that is not known.
        is_loader: whether the batches are those that a training would get.
        positions: of the samples that are read; None for all that come.
    """

    batches: Iterable[Any]
    total: int | None
    is_loader: bool
    positions: np.ndarray | None = None


def source_of(data: Any, samples: int) -> Source:
    """How to read `data`.

    Raises: ArgumentTypeError (CR839) for what holds no samples.
    """
    if isinstance(data, DataLoader):
        total = None if isinstance(data.dataset, IterableDataset) else _length(data.dataset)
        return Source(copy.copy(data), total, True)  # a twin: the pass of `data` goes on
    if _is_array(data):
        return Source(_pieces((data,)), len(data), False)
    if isinstance(data, tuple) and 1 <= len(data) <= 2 and all(map(_is_array, data)):
        _check_lengths(data)
        return Source(_pieces(data), len(data[0]), False)
    is_map = hasattr(data, "__getitem__") and not isinstance(data, (list, tuple, Mapping))
    if is_map and _length(data) is not None and not isinstance(data, IterableDataset):
        total = len(data)
        chosen = np.linspace(0, total - 1, min(total, samples)).round().astype(np.intp)
        return Source(_read(data, chosen), total, False, chosen)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping)):
        return Source(data, None, True)
    raise ArgumentTypeError(
        "CR839",
        f"check_data takes a DataLoader, a dataset, (inputs, targets) or an iterable of "
        f"batches, got a {type(data).__name__}",
    )


def blocks(source: Source, samples: int, seconds: float) -> Iterator[Block]:
    """The data, up to a number of samples or a time.

    Raises: DataError (CR830) where there are none.
    """
    first, deadline = 0, time.perf_counter() + seconds
    for batch in source.batches:
        inputs, targets = _arrays(batch)
        size = len(next(iter(inputs.values())))
        numbers = np.arange(first, first + size)
        if source.positions is not None:
            numbers = source.positions[first : first + size]
        if size:
            yield Block(inputs, targets, size, numbers)
        first += size
        if first >= samples or time.perf_counter() > deadline:
            return
    if not first:
        raise DataError(
            "CR830", "check_data: there are no samples; an iterator that was used up has none"
        )


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except TypeError:
        return None


def _is_array(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray)) and x.ndim > 0


def _check_lengths(arrays: tuple[Any, ...]) -> None:
    lengths = [len(x) for x in arrays]
    if len(set(lengths)) > 1:
        raise ArgumentTypeError(
            "CR839",
            f"check_data: (inputs, targets) are arrays with one entry for each sample, but "
            f"they have {lengths[0]} and {lengths[1]}; a list holds batches, a tuple arrays",
        )


def _pieces(arrays: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    return (tuple(x[i : i + BLOCK] for x in arrays) for i in range(0, len(arrays[0]), BLOCK))


def _read(dataset: Any, positions: np.ndarray) -> Iterator[Any]:
    """Samples of a dataset."""
    pieces = range(0, len(positions), BLOCK)
    return (read_batch(dataset, positions[i : i + BLOCK]) for i in pieces)


def _arrays(batch: Any) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The inputs of a batch by name, and the targets if they are numbers."""
    inputs, targets = _taken_apart(batch)
    found = dict(_leaves("inputs", inputs))
    if not found:
        raise ArgumentTypeError(
            "CR839",
            f"check_data found no tensor among the inputs of a batch, which is a "
            f"{type(batch).__name__}; it looks at numbers only",
        )
    return found, _array(targets) if _is_array(targets) else None


def _taken_apart(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets of a batch, as far as it shows which is which."""
    if isinstance(batch, Mapping):
        key = next((name for name in TARGETS if name in batch), None)
        rest = {name: x for name, x in batch.items() if name != key}
        return rest, None if key is None else batch[key]
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        return batch[0] if len(batch) == 2 else tuple(batch[:-1]), batch[-1]
    return batch[0] if isinstance(batch, (tuple, list)) and batch else batch, None


def _leaves(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays in a value, by what one writes to get them."""
    if _is_array(value):
        yield name, _array(value)
    elif isinstance(value, Mapping):
        for key, x in value.items():
            yield from _leaves(f"{name}[{key!r}]", x)
    elif isinstance(value, (tuple, list)):
        for i, x in enumerate(value):
            yield from _leaves(f"{name}[{i}]", x)


def _array(x: Any) -> np.ndarray:
    """An array that NumPy computes with, half precision widened."""
    if isinstance(x, Tensor):
        return (x.detach().float() if x.element_size() == 2 and x.is_floating_point()
                else x.detach()).numpy()  # fmt: skip
    return x
