"""A shadow of a compiled step: the same computation, eagerly, of which nothing remains."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import Any, TextIO

import numpy as np

from chainrule.compiler.compile import running_plainly
from chainrule.compiler.rollback import Rollback
from chainrule.observers import is_unobserved


class Enough(BaseException):
    """Ends a shadow: what is still to come is seen at the step itself."""


#: the watch whose shadow runs
_whose: ContextVar[Any] = ContextVar("whose", default=None)


@contextmanager
def shadow_of(watch: Any) -> Iterator[None]:
    """What runs inside is a shadow, and of no concern to other watches."""
    token = _whose.set(watch)
    try:
        yield
    finally:
        _whose.reset(token)


def takes_no_notice(watch: Any) -> bool:
    """Whether what happens here is no part of the training that a watch looks at: a trial, or
    the shadow of another watch."""
    whose = _whose.get()
    return (whose is not None and whose is not watch) or is_unobserved()


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
