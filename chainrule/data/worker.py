"""What runs in a worker process of a DataLoader."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import numpy as np

from chainrule import settings
from chainrule.data.reading import END, BatchMaker, Recipe
from chainrule.data.worker_transfer import Packed, pack, send, unpack
from chainrule.errors import DataError
from chainrule.tensor.streams import Streams
from chainrule.threads import set_num_threads

GRACE = 1.0  # seconds that a batch may still take when nobody waits for it any more


@dataclass
class WorkerInfo:
    """What a dataset can know about the worker process that reads it."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process: its id from 0, num_workers, seed and dataset; elsewhere None.

    Example:
        >>> get_worker_info() is None
        True
    """
    return _info


@dataclass(frozen=True)
class Setup:
    """What a worker process starts with."""

    recipe: Recipe
    worker: int
    num_workers: int
    seed: int
    init_fn: Callable[[int], None] | None
    float_dtype: np.dtype


def work(connection: Connection, setup: Setup) -> None:
    """Make the batches that are asked for, until the program closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the program's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    set_num_threads(1)  # the processes are the threads here
    settings.defaults.float_dtype = setup.float_dtype
    orders: SimpleQueue[Any] = SimpleQueue()
    results: SimpleQueue[Packed] = SimpleQueue()
    closed = threading.Event()
    threading.Thread(target=_listen, args=(connection, orders, closed), daemon=True).start()
    threading.Thread(target=_speak, args=(connection, results), daemon=True).start()
    answer = _answering(setup)
    while not closed.is_set():
        order = orders.get()
        if order is not None and (packed := answer(*order)) is not None:
            results.put(packed)


def _listen(connection: Connection, orders: SimpleQueue, closed: threading.Event) -> None:
    """Take up orders. The program closes the connection, or has died: the process ends."""
    try:
        while True:
            orders.put(connection.recv())
    except (EOFError, OSError):
        closed.set()
        orders.put(None)
        time.sleep(GRACE)
        os._exit(0)
    except Exception:  # an order that cannot be read here: let the program hear of it
        traceback.print_exc()
        os._exit(1)


def _speak(connection: Connection, results: SimpleQueue[Packed]) -> None:
    """Send results while the next batch is being made."""
    try:
        while True:
            send(connection, results.get())
    except OSError:
        return  # nobody reads any more, which _listen notices too


def _answering(setup: Setup) -> Callable[..., Packed | None]:
    """The function that does what an order says."""
    global _info
    info = _info = WorkerInfo(
        setup.worker, setup.num_workers, setup.seed + setup.worker, setup.recipe.dataset
    )
    maker = BatchMaker(setup.recipe, setup.worker, in_program=False)
    start = beginning = _outcome(lambda: _initialize(setup))

    def begin(seed: int, position: Any) -> None:
        nonlocal beginning
        info.seed = seed + setup.worker
        beginning = start
        if start[0] != "error":
            beginning = _outcome(lambda: maker.begin(seed, position))

    def make(which: int, number: int, positions: Any) -> Packed:
        kind, value = beginning
        if kind != "error":
            kind, value = _outcome(lambda: maker.make(number, positions))
        return _packed(which, number, kind, value, maker)

    actions: dict[str, Callable[..., Packed | None]] = {"begin": begin, "make": make}
    return lambda action, *arguments: actions[action](*arguments)


def _initialize(setup: Setup) -> None:
    Streams().seed(setup.seed, setup.worker)
    if setup.init_fn is not None:
        setup.init_fn(setup.worker)


def _outcome(act: Callable[[], Any]) -> tuple[str, Any]:
    """("batch", value), or ("error", what was raised)."""
    try:
        return "batch", act()
    except Exception as error:
        return "error", _portable(error)


def _packed(which: int, number: int, kind: str, value: Any, maker: BatchMaker) -> Packed:
    """A result ready to be sent."""
    if value is END:
        kind, value = "end", None
    position = maker.position() if kind == "batch" else None
    try:
        return pack((which, number, kind, value, position))
    except Exception as error:
        reason = DataError(
            "CR723",
            f"a worker could not send a batch ({type(error).__name__}: {error}); batches hold "
            "tensors, arrays, numbers, texts, and tuples, lists and dicts of them",
        )
        chosen = error if isinstance(error, DataError) else reason
        return pack((which, number, "error", _portable(chosen), None))


def _portable(error: Exception) -> tuple[Exception, str]:
    """An error in a form that reaches the program, and the text of its traceback."""
    text = "".join(traceback.format_exception(error))
    try:
        again = unpack(*pack(error))
        if type(again) is type(error) and str(again) == str(error):
            return error, text
    except Exception:
        pass
    return DataError("CR727", f"a worker raised {type(error).__qualname__}: {error}"), text
