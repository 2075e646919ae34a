"""What `iter(DataLoader)` returns: batches made in the program, or by worker processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sized
from typing import Any

import numpy as np

from chainrule.data.passes import Pass
from chainrule.data.reading import END, BatchMaker
from chainrule.data.worker_pool import WorkerPool
from chainrule.errors import DataError

PREFETCH = 2  # batches that each worker makes ahead, where nothing else is said
MOST_SHOWN = 10  # positions that an error names


class ProgramIterator:
    """The batches of a pass, each made when it is asked for."""

    def __init__(self, loader: Any, begun: Pass) -> None:
        self._loader: Sized = loader
        self._pass = begun
        self._tasks = begun.tasks()
        self._maker = BatchMaker(loader.recipe)
        self._maker.begin(begun.seed, begun.workers[0] if begun.workers else None)
        self._is_iterable = loader.recipe.is_iterable

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for number, positions in self._tasks:
            try:
                batch = self._maker.make(number, positions)
            except Exception as error:
                self._pass.hand_out(number)
                error.add_note(f"while DataLoader made {_described(number, positions)}")
                raise
            if batch is END:
                break
            self._pass.hand_out(number)
            if self._is_iterable:
                self._pass.workers = [self._maker.position()]
            return batch
        self._pass.complete = True
        raise StopIteration

    def __len__(self) -> int:
        return len(self._loader)


class WorkerIterator:
    """The batches of a pass, made ahead by worker processes."""

    def __init__(self, loader: Any, begun: Pass) -> None:
        self._loader = loader
        self._pass = begun
        self._tasks = begun.tasks()
        self._pool: WorkerPool | None = None
        self._outstanding: dict[int, tuple[int, Any]] = {}  # number → worker, positions
        self._arrived: dict[int, tuple[str, Any, Any]] = {}  # number → kind, value, position
        self._begin()
        self._order()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        try:
            kind, value = self._next()
        except BaseException:  # a worker died, or Ctrl-C while waiting
            self._stop()
            raise
        if kind == "batch":
            return value
        if not self._loader.persistent_workers:
            self._stop()  # at once, as who keeps the error keeps this iterator too
        try:
            raise value
        finally:
            del value

    def _begin(self) -> None:
        """Begin the pass in the workers."""
        loader, begun = self._loader, self._pass
        self._pool = loader._workers(begun.seed)
        count = len(self._pool.processes)
        if loader.recipe.is_iterable and not begun.workers:
            begun.workers = [None] * count
        self._active = [*range(begun.turn, count), *range(begun.turn)]
        self._load = [0] * count  # batches that each worker has still to make
        self._number = self._pool.begin(begun.seed, begun.workers or [None] * count)

    def _stop(self) -> None:
        """End the workers. What they had not delivered is made again if the caller goes on."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        undelivered = [(number, task[1]) for number, task in self._outstanding.items()]
        self._tasks = itertools.chain(undelivered, self._tasks)
        self._outstanding, self._arrived = {}, {}

    def _next(self) -> tuple[str, Any]:
        """("batch", it), or ("error", what to raise), StopIteration after the last batch."""
        if self._pass.complete:
            return "error", StopIteration()
        self._check()
        self._order()
        while self._outstanding:
            number = self._deliverable()
            if number is None:
                self._collect()
            elif (result := self._delivered(number)) is not None:
                return result
            self._order()
        self._pass.complete = True
        return "error", StopIteration()

    def _check(self) -> None:
        if self._pool is None:
            self._begin()
        elif self._pool.passes != self._number:
            raise DataError(
                "CR728",
                "this pass over the DataLoader is over, as another one has begun: with "
                "persistent_workers=True there is one at a time. Use a second DataLoader",
            )

    def _order(self) -> None:
        """Keep the workers busy."""
        most = (self._loader.prefetch_factor or PREFETCH) * len(self._load)
        while self._pool and self._active and len(self._outstanding) < most:
            task = next(self._tasks, None)
            if task is None:
                return
            worker, (number, positions) = self._chosen(), task
            self._outstanding[number] = worker, positions
            self._load[worker] += 1
            self._pool.make(worker, number, positions)

    def _chosen(self) -> int:
        """The worker for the next batch: the one with least to do; over an iterable dataset
        each in its turn, so that the order is always the same."""
        if not self._loader.recipe.is_iterable:
            return min(self._active, key=self._load.__getitem__)
        self._active.append(self._active.pop(0))
        return self._active[-1]

    def _collect(self) -> None:
        """Wait until something arrives."""
        assert self._pool is not None
        for worker, message in self._pool.results(self._loader.timeout):
            which, number, kind, value, position = message
            if which != self._number:  # of a pass that was left early
                continue
            self._arrived[number] = kind, value, position
            self._load[worker] -= 1
            if kind == "end" and worker in self._active:
                self._active.remove(worker)

    def _deliverable(self) -> int | None:
        """The number of the batch that the caller gets next, once it is there."""
        if not self._loader.in_order:
            return next(iter(self._arrived), None)
        first = next(iter(self._outstanding))
        return first if first in self._arrived else None

    def _delivered(self, number: int) -> tuple[str, Any] | None:
        """A result that arrived, counted as handed out; None for the end of a worker's data."""
        worker, positions = self._outstanding.pop(number)
        kind, value, position = self._arrived.pop(number)
        if kind == "end":
            return None
        self._pass.hand_out(number)
        if position is not None:
            self._pass.workers[worker] = position
            self._pass.turn = (worker + 1) % len(self._load)
        if kind == "error":
            error, text = value
            what = _described(number, positions)
            error.add_note(f"in worker {worker} of DataLoader, while making {what}\n\n{text}")
            return kind, error
        return kind, value


def _described(number: int, positions: Any) -> str:
    """Which batch it is that failed."""
    if positions is None:
        return f"batch {number}"
    shown = np.ravel(positions).tolist() if isinstance(positions, np.ndarray) else positions
    if not isinstance(shown, list):
        return f"sample {shown!r}"
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return f"batch {number}, samples {shown[:MOST_SHOWN]}{more}"
