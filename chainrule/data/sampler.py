"""Samplers: in which order a DataLoader reads the samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sized

import numpy as np

from chainrule.errors import ArgumentError, DataError
from chainrule.tensor.generator import Generator, default_generator


class Sampler:
    """An order: iterating gives the positions of samples."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class OrderedSampler(Sampler):
    """A sampler that knows its whole order beforehand, as one array."""

    def order(self) -> np.ndarray:
        """The positions of one pass."""
        raise NotImplementedError(f"{type(self).__name__} must define order()")

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


class SequentialSampler(OrderedSampler):
    """0, 1, 2, …: the same order every time."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> np.ndarray:
        """0 to the length, not included."""
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(OrderedSampler):
    """A new random order every time.

    Args:
        replacement: draw each sample anew from all of them, so that some come twice.
        num_samples: how many to draw; all of them if None.
        generator: where the order comes from; the default generator if None.

    Raises: DataError (CR706) for an empty dataset; ArgumentError (CR705) for num_samples < 1.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        if num_samples is not None and num_samples < 1:
            raise ArgumentError(
                "CR705", f"RandomSampler draws at least 1 sample, got num_samples={num_samples}"
            )
        if len(data_source) == 0:
            raise DataError(
                "CR706", "there is nothing to draw from: the dataset has no samples"
            )

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> np.ndarray:
        """Random positions; without replacement as many whole shuffles as are needed."""
        source, n = self.generator or default_generator, len(self.data_source)
        if self.replacement:
            return source.integers(0, n, (self.num_samples,)).numpy()
        shuffles = -(-self.num_samples // n)
        drawn = [source.permutation(n).numpy() for _ in range(shuffles)]
        return np.concatenate(drawn)[: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Positions in groups of `batch_size`; the last group may be smaller, or is dropped.

    Example:
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ArgumentError(
                "CR705", f"batch_size is a whole number of at least 1, got {batch_size!r}"
            )
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        positions = iter(self.sampler)
        while batch := list(itertools.islice(positions, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def arrays(self) -> Iterator[Iterable[int]]:
        """The same groups, as arrays where the whole order is known beforehand."""
        sampler = self.sampler
        plain = OrderedSampler.__iter__  # a subclass may go through them in another order
        if not isinstance(sampler, OrderedSampler) or type(sampler).__iter__ is not plain:
            return iter(self)
        order, end = sampler.order(), len(self) * self.batch_size
        return (order[i : i + self.batch_size] for i in range(0, end, self.batch_size))

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
