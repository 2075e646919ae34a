"""Datasets: things with a length whose samples can be read by position."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.data.collate import default_collate
from chainrule.errors import AxisError, DataError
from chainrule.tensor.generator import Generator, default_generator
from chainrule.tensor.tensor import Tensor


class Dataset:
    """Samples by position: a subclass defines `__getitem__(i)` and `__len__()`.

    Notes: a dataset that can read many samples at once may also define
    `__getbatch__(positions)`, which returns them collated; DataLoader then calls that.

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

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} must define __len__()")

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Tensors of equal length; sample i is the tuple of their i-th elements.

    Raises: DataError (CR701) for tensors of unequal lengths.

    Example:
        >>> import chainrule as cr
        >>> points = TensorDataset(cr.tensor([[1.0], [2.0]]), cr.tensor([0, 1]))
        >>> points[1]
        (tensor([2.]), tensor(1))
    """

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
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def __getbatch__(self, positions: np.ndarray) -> Any:
        chosen = [self.indices[i] for i in positions.tolist()]
        return read_batch(self.dataset, np.asarray(chosen, np.intp))


class ConcatDataset(Dataset):
    """Datasets one after the other."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise DataError("CR706", "ConcatDataset needs at least one dataset, got none")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __getitem__(self, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise AxisError(
                "CR708", f"sample {index} of a dataset that has {len(self)} samples"
            )
        which = bisect.bisect_right(self.cumulative_sizes, position)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - before]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def read_batch(dataset: Any, positions: np.ndarray) -> Any:
    """The samples at `positions` as one batch."""
    return batch_reader(dataset)(positions)


def batch_reader(dataset: Any) -> Callable[[np.ndarray], Any]:
    """What reads a batch: the dataset itself if it can do so at once, else one by one."""
    if _reads_at_once(type(dataset)):
        return dataset.__getbatch__
    return lambda positions: default_collate([dataset[i] for i in positions.tolist()])


def _reads_at_once(kind: type) -> bool:
    """Whether `__getbatch__` is there and was not outdated by a subclass's `__getitem__`."""
    at_once, one = (
        next((c for c in kind.__mro__ if name in vars(c)), None)
        for name in ("__getbatch__", "__getitem__")
    )
    return at_once is not None and (one is None or issubclass(at_once, one))


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
