"""A shadow of a compiled step: the same computation, eagerly, of which nothing remains."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

import numpy as np

from chainrule.compiler.compile import running_plainly
from chainrule.compiler.rollback import Rollback


@contextmanager
def undone(*roots: Any, beyond: Rollback | None = None) -> Iterator[None]:
    """What happens inside is taken back, also if it raises, or if Ctrl-C comes."""
    before = Rollback(*roots, beyond=beyond)
    try:
        yield
    finally:
        put_back(before)


def put_back(before: Rollback) -> None:
    """Undo, and finish that even if Ctrl-C comes meanwhile."""
    try:
        before.undo()
    except KeyboardInterrupt:
        before.undo()
        raise


def run_shadow(
    function: Callable,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *roots: Any,
    beyond: Rollback | None = None,
) -> None:
    """Run a function eagerly, silently and without a trace.

    Args: roots, beyond: what it changes besides, and what is kept of that, see Rollback.

    Raises: what the function raises.
    """
    with (
        undone(function, args, kwargs, *roots, beyond=beyond),
        running_plainly(),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        redirect_stdout(Silent(sys.stdout)),
    ):
        warnings.simplefilter("ignore")
        function(*args, **kwargs)


class Silent:
    """A stream that swallows what this thread writes; others write as before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        """Write, or swallow."""
        if threading.get_ident() == self._thread:
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
