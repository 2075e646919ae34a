"""Switches for recording gradients: context managers that also serve as decorators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

from chainrule import settings


class _Switch:
    """Sets some settings inside a `with` block, or during a decorated function."""

    values: dict[ContextVar[bool], bool]

    def __enter__(self) -> None:
        self.__dict__.setdefault("_entered", []).append(self._on())

    def __exit__(self, *_: object) -> None:
        self._off(self.__dict__["_entered"].pop())

    def _on(self) -> list[tuple[ContextVar[bool], Token[bool]]]:
        return [(variable, variable.set(value)) for variable, value in self.values.items()]

    def _off(self, tokens: list[tuple[ContextVar[bool], Token[bool]]]) -> None:
        for variable, token in tokens:
            variable.reset(token)

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            tokens = self._on()
            try:
                return function(*args, **kwargs)
            finally:
                self._off(tokens)

        @functools.wraps(function)
        def stepped(*args: Any, **kwargs: Any) -> Any:
            following = functools.partial(next, function(*args, **kwargs), _END)
            advance = _Switch.__call__(self, following)
            while (value := advance()) is not _END:
                yield value

        return stepped if inspect.isgeneratorfunction(function) else switched


_END = object()  # after the last value of a generator


class _Decorator(type):
    """Lets `@no_grad` stand without parentheses."""

    def __call__(cls, *args: Any) -> Any:
        if len(args) == 1 and callable(args[0]):
            return super().__call__()(args[0])
        return super().__call__(*args)


class no_grad(_Switch, metaclass=_Decorator):
    """No gradients are recorded."""

    values = {settings.grad_enabled: False}


class enable_grad(_Switch, metaclass=_Decorator):
    """Gradients are recorded, also inside no_grad."""

    values = {settings.grad_enabled: True}


class inference_mode(_Switch, metaclass=_Decorator):
    """No gradients are recorded; inference_mode(False) changes nothing."""

    def __init__(self, mode: bool = True) -> None:
        self.values = {settings.grad_enabled: False, settings.inference: True} if mode else {}


class set_grad_enabled(_Switch):
    """Gradients are recorded or not, from here on or inside the `with` block."""

    def __init__(self, mode: bool) -> None:
        self._before = settings.grad_enabled.get()
        self.values = {settings.grad_enabled: mode}
        settings.grad_enabled.set(mode)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        settings.grad_enabled.set(self._before)

    def __call__(self, function: Callable) -> Callable:
        settings.grad_enabled.set(self._before)  # a decorator switches during calls only
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether gradients are recorded now."""
    return settings.grad_enabled.get()


def is_inference_mode_enabled() -> bool:
    """Whether inference_mode is on."""
    return settings.inference.get()
