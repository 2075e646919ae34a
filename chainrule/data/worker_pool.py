"""The worker processes of a DataLoader, seen from the program."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from chainrule import settings
from chainrule.data.reading import Recipe
from chainrule.data.worker import GRACE, Setup, work
from chainrule.data.worker_transfer import receive
from chainrule.errors import DataError

PATIENCE = GRACE + 2.0  # seconds until a worker that does not end is killed

#: the program's ends of all pipes; a process forked from it must not keep them open
_own_ends: weakref.WeakSet[Connection] = weakref.WeakSet()


def _close_inherited() -> None:
    for connection in list(_own_ends):
        connection.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)


def context_of(given: Any) -> Any:
    """How processes are started: as was said, or by fork where that is safe and usual."""
    if given is not None and not isinstance(given, str):
        return given
    chosen = given or multiprocessing.get_start_method(allow_none=True)
    if chosen is None and sys.platform == "linux":
        chosen = "fork"  # so that classes of a notebook and lambdas work
    return multiprocessing.get_context(chosen)


class WorkerPool:
    """Processes that make batches; they end when the pool is closed, or forgotten."""

    def __init__(
        self,
        recipe: Recipe,
        num_workers: int,
        seed: int,
        init_fn: Callable[[int], None] | None,
        context: Any,
    ) -> None:
        self.passes = 0  # that were begun
        self.owner = os.getpid()
        self.connections: list[Connection] = []
        self.processes: list[Any] = []
        self.close = weakref.finalize(
            self, _shut_down, self.processes, self.connections, self.owner
        )
        for worker in range(num_workers):
            setup = Setup(
                recipe, worker, num_workers, seed, init_fn, settings.defaults.float_dtype
            )
            try:
                self._start(context, setup)
            except BaseException:
                self.close()
                raise

    def _start(self, context: Any, setup: Setup) -> None:
        ours, theirs = context.Pipe()
        _own_ends.add(ours)
        self.connections.append(ours)
        process = context.Process(
            target=work, args=(theirs, setup), daemon=True, name=f"worker {setup.worker}"
        )
        with warnings.catch_warnings(), theirs:
            # Python warns of forking while there are threads. Those of OpenBLAS survive it.
            warnings.filterwarnings("ignore", "This process", DeprecationWarning)
            try:
                process.start()
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise _cannot_start(context, error) from error
        self.processes.append(process)

    def begin(self, seed: int, positions: Sequence[Any]) -> int:
        """Begin a pass in every worker; returns its number."""
        self.passes += 1
        for worker, position in enumerate(positions):
            self._order(worker, "begin", seed, position)
        return self.passes

    def make(self, worker: int, number: int, positions: Any) -> None:
        """Ask a worker for a batch."""
        self._order(worker, "make", self.passes, number, positions)

    def _order(self, worker: int, *order: Any) -> None:
        try:
            self.connections[worker].send(order)
        except OSError:
            raise self._death(worker) from None

    def results(self, timeout: float) -> Iterator[tuple[int, Any]]:
        """What has arrived, by worker; waits until something has.

        Raises: DataError where a worker has died (CR720), or nothing comes in time (CR721).
        """
        sentinels = [process.sentinel for process in self.processes]
        ready = set(wait([*self.connections, *sentinels], timeout or None))
        if not ready:
            raise DataError(
                "CR721",
                f"no worker of the DataLoader sent a batch for timeout={timeout:g} seconds; "
                "look at what the dataset waits for, or give it more time",
            )
        talking = [w for w, connection in enumerate(self.connections) if connection in ready]
        if not talking:
            raise self._death(next(w for w, s in enumerate(sentinels) if s in ready))
        for worker in talking:
            try:
                yield worker, receive(self.connections[worker])
            except (EOFError, OSError):
                raise self._death(worker) from None

    def _death(self, worker: int) -> DataError:
        """The error about a worker that is gone."""
        process = self.processes[worker]
        process.join(PATIENCE)
        how = _way_of_ending(process.exitcode)
        return DataError(
            "CR720", f"worker {worker} of the DataLoader (pid {process.pid}) {how}"
        )


def _way_of_ending(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return (
            f"ended by itself with exit code {exitcode}; does the dataset call exit(), or is "
            "the main program not protected by `if __name__ == '__main__':`?"
        )
    name = signal.Signals(-exitcode).name
    causes = {"SIGKILL": "the system does so when memory runs out; use fewer workers",
              "SIGSEGV": "a library crashed; run with num_workers=0 to see where",
              "SIGBUS": "memory that it shared went away"}  # fmt: skip
    return f"was killed by {name} ({causes.get(name, 'from outside')})"


def _cannot_start(context: Any, error: Exception) -> DataError:
    method = context.get_start_method()
    return DataError(
        "CR722",
        f"the dataset, collate_fn or worker_init_fn cannot be sent to a worker that is started "
        f"by {method!r} ({error}); define their classes and functions at the top level of a "
        'module, or use multiprocessing_context="fork"',
    )


def _shut_down(processes: list[Any], connections: list[Connection], owner: int) -> None:
    """Close the pipes, upon which the workers end; kill what is still there later."""
    if os.getpid() != owner:
        return
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
