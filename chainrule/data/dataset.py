"""Datasets: samples that are read by position, or from the beginning to the end."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import GenericAlias
from typing import Any

import numpy as np

from chainrule.data.collate import default_collate
from chainrule.errors import ArgumentError, ArgumentTypeError, AxisError, DataError
from chainrule.tensor.generator import Generator, default_generator
from chainrule.tensor.tensor import Tensor


class Dataset:
    """Samples by position: a subclass defines `__getitem__(i)` and `__len__()`.

    Notes: a dataset that can read many samples at once may also define
    `__getbatch__(positions)`, which returns them collated, or `__getitems__(positions)`, which
    returns a list of them; DataLoader then calls that. One whose `deterministic` is True
    promises that reading draws no random numbers, and is read a little faster.

    Example:
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 4
        ...
        ...     def __getitem__(self, i):
        ...         return i, i * i
        >>> Squares()[3]
        (3, 9)
    """

    deterministic: bool = False

    __class_getitem__: Any = classmethod(GenericAlias)

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} must define __len__()")

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: Dataset) -> Dataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples in the order in which they come: a subclass defines `__iter__()`.

    Notes: each worker process of a DataLoader iterates over the whole dataset, so that with
    n workers every sample comes n times, unless `__iter__` gives each worker a share of its
    own, with `get_worker_info()`. For going on in the middle of a pass (see DataLoader) a
    dataset may define `state_dict()` and `load_state_dict(state)`, after which its next
    `iter()` goes on where it was; without them the samples passed are read and dropped.

    Example:
        >>> import chainrule as cr
        >>> class Count(IterableDataset):
        ...     def __init__(self, end):
        ...         self.end = end
        ...
        ...     def __iter__(self):
        ...         worker = cr.data.get_worker_info()
        ...         first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        ...         return iter(range(first, self.end, step))
        >>> [batch.tolist() for batch in cr.data.DataLoader(Count(5), batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} is an IterableDataset: its samples have no positions"
        )

    def __add__(self, other: Dataset) -> Dataset:
        return ChainDataset([self, other])


class ChainDataset(IterableDataset):
    """Iterable datasets one after the other.

    Raises: ArgumentTypeError (CR903) on iterating, for a dataset that is no IterableDataset.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise ArgumentTypeError(
                    "CR903",
                    f"ChainDataset takes IterableDatasets, got {type(dataset).__name__}; "
                    "datasets with positions go into ConcatDataset",
                )
        return itertools.chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class TensorDataset(Dataset):
    """Tensors of equal length; sample i is the tuple of their i-th elements.

    Raises: DataError (CR701) for tensors of unequal lengths.

    Example:
        >>> import chainrule as cr
        >>> points = TensorDataset(cr.tensor([[1.0], [2.0]]), cr.tensor([0, 1]))
        >>> points[1]
        (tensor([2.]), tensor(1))
    """

    deterministic = True

    def __init__(self, *tensors: Tensor) -> None:
        lengths = [len(x) if x.ndim else None for x in tensors]
        if len(set(lengths)) != 1 or None in lengths:
            raise DataError(
                "CR701",
                "a TensorDataset takes tensors of one length on their first axis, got shapes "
                f"{', '.join(str(tuple(x.shape)) for x in tensors) or 'none at all'}",
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([x[index] for x in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getbatch__(self, positions: np.ndarray) -> list[Tensor]:
        """The samples at `positions`, stacked: one NumPy look-up per tensor."""
        return [Tensor._of(x._array("a batch").take(positions, 0)) for x in self.tensors]


class Subset(Dataset):
    """The samples of a dataset at chosen positions."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several samples, as a list."""
        return sample_reader(self.dataset)([self.indices[i] for i in indices])

    def __getbatch__(self, positions: np.ndarray) -> Any:
        chosen = [self.indices[i] for i in positions.tolist()]
        return read_batch(self.dataset, np.asarray(chosen, np.intp))

    @property
    def deterministic(self) -> bool:  # type: ignore[override]
        """Whether the dataset that it is taken from is."""
        return is_deterministic(self.dataset)


class ConcatDataset(Dataset):
    """Datasets one after the other.

    Raises: DataError (CR706) for none at all; ArgumentTypeError (CR903) for a dataset whose
    samples have no positions.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise DataError("CR706", "ConcatDataset needs at least one dataset, got none")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise ArgumentTypeError(
                    "CR903",
                    f"ConcatDataset takes datasets with positions, {type(dataset).__name__} "
                    "is an IterableDataset; those go into ChainDataset",
                )
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __getitem__(self, index: int) -> Any:
        position = checked_position(index, len(self))
        which = bisect.bisect_right(self.cumulative_sizes, position)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - before]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    @property
    def deterministic(self) -> bool:  # type: ignore[override]
        """Whether all its datasets are."""
        return all(map(is_deterministic, self.datasets))


class StackDataset(Dataset):
    """Datasets of equal length side by side: sample i holds the i-th sample of each.

    Args: the datasets, for samples that are tuples; or by name, for samples that are dicts.

    Raises: ArgumentError (CR729) for both kinds at once, none, or unequal lengths.

    Example:
        >>> StackDataset(image=["a", "b"], label=[0, 1])[1]
        {'image': 'b', 'label': 1}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ArgumentError(
                "CR729", "StackDataset takes datasets, either all by position or all by name"
            )
        self.datasets: Any = args or kwargs
        lengths = [len(dataset) for dataset in self._each()]
        if len(set(lengths)) > 1:
            raise ArgumentError(
                "CR729", f"StackDataset takes datasets of one length, got lengths {lengths}"
            )

    def _each(self) -> list[Any]:
        return list(self.datasets.values() if _is_dict(self.datasets) else self.datasets)

    def __getitem__(self, index: Any) -> Any:
        if _is_dict(self.datasets):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several samples, as a list."""
        parts = zip(*[sample_reader(dataset)(indices) for dataset in self._each()])
        if _is_dict(self.datasets):
            return [dict(zip(self.datasets, sample, strict=True)) for sample in parts]
        return list(parts)

    def __len__(self) -> int:
        return len(self._each()[0])

    @property
    def deterministic(self) -> bool:  # type: ignore[override]
        """Whether all its datasets are."""
        return all(map(is_deterministic, self._each()))


def _is_dict(datasets: Any) -> bool:
    return isinstance(datasets, dict)


def checked_position(index: int, length: int) -> int:
    """The position of a sample, counted from the end where the index is negative.

    Raises: AxisError (CR708) for one that is not there.
    """
    if not -length <= index < length:
        raise AxisError("CR708", f"sample {index} of a dataset that has {length} samples")
    return index % length


def read_batch(dataset: Any, positions: np.ndarray) -> Any:
    """The samples at `positions` as one batch."""
    return batch_reader(dataset)(positions)


def batch_reader(dataset: Any) -> Callable[[np.ndarray], Any]:
    """What reads a batch: the dataset itself if it can do so at once, else one by one."""
    if reads_at_once(dataset):
        return dataset.__getbatch__
    read = sample_reader(dataset)
    return lambda positions: default_collate(read(positions.tolist()))


def reads_at_once(dataset: Any) -> bool:
    """Whether the dataset reads and collates many samples by itself."""
    return _is_current(type(dataset), "__getbatch__", "__getitem__")


def sample_reader(dataset: Any) -> Callable[[list[Any]], list[Any]]:
    """What reads a list of samples: the dataset itself if it can, else one by one."""
    if _is_current(type(dataset), "__getitems__", "__getitem__"):
        return dataset.__getitems__
    return lambda positions: [dataset[i] for i in positions]


def is_deterministic(dataset: Any) -> bool:
    """Whether reading is known to draw no random numbers."""
    if isinstance(dataset, PLAIN_DATA):
        return True
    readers = ("__getitem__", "__getitems__", "__getbatch__")
    return bool(getattr(dataset, "deterministic", False)) and all(
        _is_current(type(dataset), "deterministic", reader) for reader in readers
    )


PLAIN_DATA = (list, tuple, range, dict, np.ndarray, Tensor)


def _is_current(kind: type, name: str, reader: str) -> bool:
    """Whether `name` is there and was not outdated by the `reader` of a subclass."""
    definition, read = (
        next((c for c in kind.__mro__ if attribute in vars(c)), None)
        for attribute in (name, reader)
    )
    return definition is not None and (read is None or issubclass(definition, read))


def random_split(
    dataset: Dataset, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Cut a dataset at random into parts that do not overlap.

    Args:
        lengths: samples per part, together all of them; or fractions that add up to 1, where
            samples left over by rounding go one each to the first parts.
        generator: where the order comes from; the default generator if None.

    Raises: DataError (CR702) where the parts do not add up.

    Example:
        >>> [len(part) for part in random_split(range(10), [0.7, 0.3])]
        [7, 3]
    """
    total = len(dataset)
    sizes = _sizes(lengths, total)
    if sum(sizes) != total or min(sizes, default=0) < 0:
        raise DataError(
            "CR702",
            f"random_split: the lengths {list(lengths)} add up to {sum(lengths)}, but the "
            f"dataset has {total} samples. Give lengths with that sum, or fractions that add "
            "up to 1",
        )
    order = (generator or default_generator).permutation(total).tolist()
    ends = list(itertools.accumulate(sizes))
    return [Subset(dataset, order[end - n : end]) for n, end in zip(sizes, ends, strict=True)]


def _sizes(lengths: Sequence[float], total: int) -> list[int]:
    """Whole lengths, from lengths or from fractions."""
    if not math.isclose(sum(lengths), 1) or not all(0 <= n <= 1 for n in lengths):
        return [int(n) for n in lengths]
    sizes = [math.floor(total * fraction) for fraction in lengths]
    left_over = total - sum(sizes)
    return [n + (i < left_over) for i, n in enumerate(sizes)]
