"""DataLoader: the samples of a dataset, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.data.collate import default_collate, default_convert
from chainrule.data.dataset import Dataset, batch_reader
from chainrule.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from chainrule.errors import ArgumentError, AxisError
from chainrule.tensor.generator import Generator


class DataLoader:
    """Iterating gives the samples of a dataset, batch by batch.

    Args:
        batch_size: samples per batch; None gives single samples without a batch axis.
        shuffle: a new random order in every pass.
        sampler: the order, as positions; instead of shuffle.
        batch_sampler: the batches, as lists of positions; instead of batch_size, shuffle,
            sampler and drop_last.
        num_workers: processes that load; only 0, the program itself, in this version.
        collate_fn: makes a batch of a list of samples.
        drop_last: leave out a last batch that is not full.
        generator: where the random order comes from; the default generator if None.
        pin_memory: has no meaning on the CPU.

    Raises: ArgumentError for options that contradict each other (CR703), for workers (CR704)
    and for a batch_size below 1 (CR705); DataError (CR706) for shuffling an empty dataset.

    Example:
        >>> import chainrule as cr
        >>> x, y = cr.arange(5).float(), cr.arange(5)
        >>> for inputs, targets in DataLoader(cr.data.TensorDataset(x, y), batch_size=2):
        ...     print(inputs, targets)
        tensor([0., 1.]) tensor([0, 1])
        tensor([2., 3.]) tensor([2, 3])
        tensor([4.]) tensor([4])
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        *,
        drop_last: bool = False,
        generator: Generator | None = None,
        pin_memory: bool = False,
    ) -> None:
        if num_workers != 0:
            raise ArgumentError(
                "CR704",
                f"num_workers={num_workers}: loading in other processes comes with a later "
                "version; use num_workers=0, which loads in the program itself",
            )
        _check_contradictions(batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.generator = generator
        self.sampler = _sampler(dataset, shuffle, generator) if sampler is None else sampler
        self.batch_size = None if batch_sampler is not None else batch_size
        self.batch_sampler = batch_sampler
        if batch_sampler is None and batch_size is not None:
            self.batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        plain = default_convert if self.batch_sampler is None else default_collate
        self.collate_fn = collate_fn or plain

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            return (self.collate_fn(self._sample(i)) for i in self.sampler)
        if self.collate_fn is not default_collate:
            return (self.collate_fn([self._sample(i) for i in b]) for b in self.batch_sampler)
        batches, read = self.batch_sampler, batch_reader(self.dataset)
        if type(batches) is BatchSampler:
            batches = batches.arrays()
        return (self._batch(read, positions) for positions in batches)

    def _sample(self, position: int) -> Any:
        try:
            return self.dataset[position]
        except IndexError:
            self._check_range(position)
            raise

    def _batch(self, read: Callable[[np.ndarray], Any], positions: Any) -> Any:
        """The samples at `positions`, collated."""
        try:
            return read(np.asarray(positions, np.intp))
        except IndexError:
            self._check_range(max(positions))
            raise

    def _check_range(self, position: int) -> None:
        n = len(self.dataset)
        if position >= n:
            raise AxisError(
                "CR708",
                f"the sampler asked for sample {position}, but the dataset has {n} samples, "
                f"0 to {n - 1}",
            ) from None

    def __len__(self) -> int:
        """How many batches there are in one pass."""
        order = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(order)  # type: ignore[arg-type]


def _sampler(dataset: Dataset, shuffle: bool | None, generator: Generator | None) -> Any:
    return (
        RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
    )


def _check_contradictions(
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Any,
    batch_sampler: Any,
    drop_last: bool,
) -> None:
    clash = None
    if sampler is not None and shuffle:
        clash = "a sampler already says the order, so shuffle=True cannot be given with it"
    if batch_sampler is not None and (
        batch_size != 1 or shuffle or sampler is not None or drop_last
    ):
        clash = (
            "a batch_sampler already says the batches, so batch_size, shuffle, sampler and "
            "drop_last cannot be given with it"
        )
    if batch_size is None and batch_sampler is None and drop_last:
        clash = "batch_size=None makes no batches, so there is no last one to drop"
    if clash is not None:
        raise ArgumentError("CR703", f"DataLoader: {clash}; leave one of them out")
