"""Looking at an eager run: which module is called with what, and what is computed in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from chainrule import observers
from chainrule.compiler.compile import running_plainly
from chainrule.observers import Observer, unobserved
from chainrule.ops.primitive import Primitive


class Onlooker(Observer):
    """An observer that is told of every primitive besides."""

    def computed(self, primitive: type[Primitive], inputs: tuple, params: Any, y: Any) -> None:
        """A primitive was computed."""


looking: ContextVar[Onlooker | None] = ContextVar("looking", default=None)
_lock = threading.Lock()


@contextmanager
def calls_observed(observer: Observer) -> Iterator[None]:
    """Within it only `observer` is told of modules; what is compiled runs eagerly."""
    with unobserved(), running_plainly():
        observers.close.append(observer)
        try:
            yield
        finally:
            observers.close.remove(observer)


@contextmanager
def work_observed(observer: Onlooker) -> Iterator[None]:
    """Within it `observer` is told of modules, and of every primitive computed here.

    Notes: for this time Primitive.evaluate is replaced, so that no run that is not looked at
        pays for the question whether somebody looks.
    """
    with calls_observed(observer), _lock:
        method = vars(Primitive)["evaluate"]
        token = looking.set(observer)
        Primitive.evaluate = classmethod(_telling(method.__func__))  # type: ignore
        try:
            yield
        finally:
            Primitive.evaluate = method  # type: ignore[method-assign]
            looking.reset(token)


def _telling(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Primitive.evaluate with an observer, in the thread that looks."""

    def told(cls: type[Primitive], arrays: tuple, params: Any) -> Any:
        y = evaluate(cls, arrays, params)
        if (observer := looking.get()) is not None:
            observer.computed(cls, arrays, params, y)
        return y

    return told
