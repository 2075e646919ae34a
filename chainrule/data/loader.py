"""DataLoader: the samples of a dataset, batch by batch."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from chainrule.data.collate import default_collate, default_convert
from chainrule.data.dataset import Dataset, IterableDataset
from chainrule.data.iterators import PREFETCH, ProgramIterator, WorkerIterator
from chainrule.data.loader_options import check_context, check_order, check_workers
from chainrule.data.passes import Order, Pass, begin_pass, resume_pass
from chainrule.data.reading import Recipe
from chainrule.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from chainrule.data.worker_pool import WorkerPool, context_of
from chainrule.errors import ArgumentError, ArgumentTypeError, DataError
from chainrule.tensor.generator import Generator

FIXED = frozenset({"dataset", "batch_size", "batch_sampler", "sampler", "drop_last"})
STATE = {"pass", "own", "batches"}  # what state_dict() gives


class DataLoader:
    """Iterating gives the samples of a dataset, batch by batch.

    **Random numbers.** Each pass takes one number from the generator, and what the order needs;
    from a dataset that is `deterministic`, in order, it takes nothing. Batch b is made with
    chainrule's default generator, `random`, `numpy.random` and the generators that are
    attributes of the dataset or collate_fn seeded by that number and b; without workers they
    are put back afterwards. So batches are the same for any number of workers, new in every
    pass, repeatable from the seed, and loading does not touch the program's random numbers.

    **Going on in the middle of a pass.** `state_dict()` may be called between any two batches
    of a running `for` loop. It says where the pass started and which batches were handed out;
    prefetched ones do not count. After `load_state_dict(state)` the next `iter()` of a loader
    that was built in the same way continues that pass: the same order, the same batches, with
    any number of workers, without making the earlier batches. Generators and epochs that
    belong to the loader or its samplers are put where they were when the state was taken; the
    default generator is left alone, its state is the program's to save. A pass counts as
    running until its iterator has said that it is over, also after `break`: with the state
    taken after the last batch the next `iter()` gives nothing more, with the state taken after
    the loop it begins a new pass. A passed part of an IterableDataset is read and dropped,
    unless it has `state_dict()` and `load_state_dict()`; the number of workers must then be
    the same.

    Args:
        batch_size: samples per batch; None gives single samples without a batch axis.
        shuffle: a new random order in every pass.
        sampler: the order, as positions; instead of shuffle.
        batch_sampler: the batches, as lists of positions; instead of batch_size, shuffle,
            sampler and drop_last.
        num_workers: processes that make batches ahead; with 0 the program makes them itself.
        collate_fn: makes a batch of a list of samples.
        pin_memory, pin_memory_device: have no meaning on the CPU.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a worker; 0 waits for ever.
        worker_init_fn: called in each worker with its id before it begins.
        multiprocessing_context: how workers are started, "fork", "spawn" or "forkserver"; on
            Linux by fork if None.
        generator: where the random order comes from; the default generator if None.
        prefetch_factor: batches that each worker makes ahead; 2 if None.
        persistent_workers: keep the workers from one pass to the next.
        in_order: False hands out batches as they come.

    Raises: ArgumentError for options that contradict each other (CR703) or have no meaning
    (CR704) and for a batch_size below 1 (CR705); DataError (CR706) for shuffling an empty
    dataset. While iterating, what the dataset raises, with a note on batch and worker; and
    DataError for a worker that died (CR720), was too slow (CR721) or cannot start (CR722).

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
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        check_workers(
            num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context
        )
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = (
            PREFETCH if num_workers and not prefetch_factor else prefetch_factor
        )
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.drop_last = drop_last
        self.sampler = _sampler(dataset, shuffle, generator) if sampler is None else sampler
        self.batch_size = None if batch_sampler is not None else batch_size
        self.batch_sampler = _batches(self.sampler, batch_sampler, self.batch_size, drop_last)
        in_batches = self.batch_sampler is not None or self.batch_size is not None
        self.collate_fn = collate_fn or (default_collate if in_batches else default_convert)
        self._pass: Pass | None = None  # the last one that was begun
        self._to_resume: dict[str, Any] | None = None
        self._pool: WorkerPool | None = None  # of persistent workers
        self._built = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and "_built" in vars(self):
            raise ArgumentError(
                "CR730",
                f"{name} of a DataLoader cannot be changed once it is built, as its batches "
                "follow from it; build another DataLoader",
            )
        if name == "multiprocessing_context":
            check_context(value)
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_pass": None, "_to_resume": None, "_pool": None}

    def __iter__(self) -> Iterator[Any]:
        saved, self._to_resume = self._to_resume, None
        self._pass = begin_pass(self) if saved is None else resume_pass(self, saved)
        kind = WorkerIterator if self.num_workers else ProgramIterator
        return kind(self, self._pass)

    def __len__(self) -> int:
        """How many batches there are in one pass.

        Raises: ArgumentTypeError (CR731) where the dataset does not know how many samples.
        """
        if not isinstance(self.dataset, IterableDataset):
            order = self.sampler if self.batch_sampler is None else self.batch_sampler
            return len(order)  # type: ignore[arg-type]
        n, size = self._samples(), self.batch_size or 1
        return n // size if self.drop_last else -(-n // size)

    def _samples(self) -> int:
        if type(self.dataset).__len__ is Dataset.__len__:
            raise ArgumentTypeError(
                "CR731",
                f"nobody knows how many batches there are, as {type(self.dataset).__name__} is "
                "an IterableDataset without __len__; give it one, or a schedule that is "
                "planned for a number of steps a total_steps of your own",
            )
        return len(self.dataset)

    @property
    def recipe(self) -> Recipe:
        """What the batches are made of."""
        in_batches = self.batch_sampler is not None or self.batch_size is not None
        return Recipe(
            self.dataset, self.collate_fn, in_batches, self.batch_size, self.drop_last
        )

    def _workers(self, seed: int) -> WorkerPool:
        """Worker processes: new ones, or those that stayed."""
        pool = self._pool
        if pool is not None and pool.close.alive and pool.owner == os.getpid():
            return pool
        context = context_of(self.multiprocessing_context)
        pool = WorkerPool(self.recipe, self.num_workers, seed, self.worker_init_fn, context)
        self._pool = pool if self.persistent_workers else None
        return pool

    def state_dict(self) -> dict[str, Any]:
        """Where the running pass has come to, in what JSON knows (see the class).

        Example:
            >>> loader = DataLoader(range(6), batch_size=2, shuffle=True)
            >>> batches = iter(loader)
            >>> first, state = next(batches), loader.state_dict()
            >>> again = DataLoader(range(6), batch_size=2, shuffle=True)
            >>> again.load_state_dict(state)
            >>> [x.tolist() for x in again] == [x.tolist() for x in batches]
            True
        """
        running = self._to_resume
        if running is None and self._pass is not None:
            running = self._pass.state()
        order = Order(self)
        return {
            "pass": copy.deepcopy(running),
            "own": order.read_own(),
            "batches": len(self) if order.has_length else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next `iter()` go on from what `state_dict()` returned.

        Raises: DataError (CR725) for the state of a loader that was built in another way.
        """
        if not isinstance(state, Mapping) or STATE - state.keys():
            raise _other_loader(f"it lacks one of {', '.join(sorted(STATE))}")
        running, order = state["pass"], Order(self)
        batches = len(self) if order.has_length else None
        if state["batches"] != batches:
            raise _other_loader(f"it has {state['batches']} batches, this one {batches}")
        streams = len(running["workers"]) if running else 0
        if streams not in (0, max(1, self.num_workers)):
            raise _other_loader(
                f"its IterableDataset was read by {streams} workers, this one has "
                f"num_workers={self.num_workers}, which would share it out differently"
            )
        if len(state["own"]) != len(order.own):
            raise _other_loader(
                f"its samplers have {len(state['own'])} generators and epochs of their own, "
                f"those of this one {len(order.own)}"
            )
        order.write_own(state["own"])
        self._pass, self._to_resume = None, copy.deepcopy(running)


def _other_loader(difference: str) -> DataError:
    return DataError(
        "CR725",
        f"this state belongs to another DataLoader: {difference}; build it as it was when the "
        "state was taken",
    )


def _sampler(dataset: Any, shuffle: bool | None, generator: Generator | None) -> Any:
    if isinstance(dataset, IterableDataset):
        return None
    return (
        RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
    )


def _batches(sampler: Any, batch_sampler: Any, batch_size: int | None, drop_last: bool) -> Any:
    """What gives the batches as positions; None without batches, or without positions."""
    if batch_sampler is not None or batch_size is None:
        return batch_sampler
    made = BatchSampler(() if sampler is None else sampler, batch_size, drop_last)
    return None if sampler is None else made
