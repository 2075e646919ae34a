"""Observers: objects that are told what a program does, and change nothing. The doctor is one.

`present` ones are told of losses and backward passes, of which a step has few; those that are
`close` are told of every call of a module as well. Both lists are empty as a rule, and looking
at an empty list is all that a program pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Observer:
    """What an observer may be told; a subclass defines what it wants to hear."""

    def loss_computed(self, name: str, arguments: tuple[Any, ...], loss: Any) -> None:
        """A loss function returned; its arguments are in the order of its signature."""

    def loss_traced(self, name: str, arguments: tuple[Any, ...], loss: Any) -> None:
        """A function that is being compiled computes a loss."""

    def backward_begins(self, root: Any) -> None:
        """Before the gradients of `root` are computed."""

    def backward_traced(self, root: Any) -> None:
        """A function that is being compiled begins a backward pass."""

    def backward_ends(self, root: Any) -> None:
        """After they were added to the leaves."""

    def module_made(self, module: Any) -> None:
        """A module begins to be built; it has no parts yet."""

    def optimizer_made(self, optimizer: Any) -> None:
        """An optimizer was built."""

    def module_begins(self, module: Any, arguments: tuple[Any, ...]) -> None:
        """Before a module's forward."""

    def module_ends(self, module: Any, output: Any) -> None:
        """After a module's forward, unless it raised."""

    # -- of compiled functions, by those that put themselves among a trace's observers --------

    def recorded(self, recording: Any) -> None:
        """The function is compiled; what is still held of its tensors is to be let go."""

    def call_begins(
        self, compiled: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Any]
    ) -> None:
        """Before the recording runs that was made while the observer looked on.

        Args: tensors: those among the arguments, each once; where numbers are inputs of the
            graph, these come as tensors, too.
        """

    def call_ends(self, result: Any) -> None:
        """After it ran."""


present: list[Observer] = []
close: list[Observer] = []


class Hook:
    """The hook of an observer on a model or an optimizer.

    Notes: copies of the model are made without it, and what was compiled while it was there
        goes on when it is not there any more; what was compiled before is compiled anew.
    """

    __slots__ = ("tell",)

    def __init__(self, tell: Callable[..., None]) -> None:
        self.tell = tell

    def __call__(self, *args: Any) -> None:
        self.tell(*args)


def hooks_among(functions: Iterable[Any]) -> set[Hook]:
    """The hooks of observers among functions that are called at some point."""
    return {function for function in functions if isinstance(function, Hook)}


#: in `unobserved` blocks: those who are not told of what happens
_hidden: ContextVar[tuple[Observer, ...] | None] = ContextVar("hidden", default=None)


@contextmanager
def unobserved() -> Iterator[None]:
    """Within it, in this thread, those who watch a training take no notice: what a tool or a
    trial does is no part of it. Who begins to look on inside is told."""
    token = _hidden.set((*(_hidden.get() or ()), *present, *close))
    try:
        yield
    finally:
        _hidden.reset(token)


def told(listeners: list[Observer]) -> tuple[Observer, ...]:
    """Those among `present` or `close` who are told of what happens here."""
    if not listeners:
        return ()
    hidden = _hidden.get() or ()
    return tuple([one for one in listeners if not any(one is each for each in hidden)])


def is_unobserved() -> bool:
    """Whether those who watch a training are to take no notice of what happens here."""
    return _hidden.get() is not None
