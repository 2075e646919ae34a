"""Fresh processes that measure, and what they say."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

PATIENCE = 900  # seconds until a process that says nothing is given up
SECONDS_TO_END = 10  # that a process is given to clean up
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CHAINRULE_NUM_THREADS",
    "PJRT_NPROC",
)  # fmt: skip
CACHE_VARIABLES = ("TORCHINDUCTOR_CACHE_DIR", "CHAINRULE_CACHE_DIR")


@contextmanager
def process(
    function: Callable, *arguments: Any, threads: int, cold: bool = False
) -> Iterator[Connection]:
    """A fresh Python process that runs function(connection, …), and our end of the pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= dict.fromkeys(THREAD_VARIABLES, str(threads))  # read by the libraries
        if cold:
            os.environ |= dict.fromkeys(CACHE_VARIABLES, folder)
        child = context.Process(target=function, args=(theirs, *arguments, threads))
        child.start()
        theirs.close()
        try:
            yield ours
        finally:
            stop(child, ours)


def stop(child: BaseProcess, connection: Connection) -> None:
    """Let a process end by itself, or end it."""
    with suppress(OSError):  # it may have ended already
        connection.send(None)
    child.join(SECONDS_TO_END)
    child.terminate()
    child.join()


def answer(connection: Connection) -> dict[str, Any]:
    """What a process says next, or the error that took its place."""
    if not connection.poll(PATIENCE):
        return {"error": f"no answer for {PATIENCE} s"}
    try:
        return connection.recv()
    except EOFError:
        return {"error": "the process ended"}
