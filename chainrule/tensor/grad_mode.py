"""Switches for recording gradients: context managers that also serve as decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

from chainrule import settings


class _Switch:
    """Sets some settings inside a `with` block, or during a decorated function."""

    values: dict[ContextVar[bool], bool]

    def __enter__(self) -> None:
        tokens = [(variable, variable.set(value)) for variable, value in self.values.items()]
        self._stack().append(tokens)

    def __exit__(self, *_: object) -> None:
        for variable, token in self._stack().pop():
            variable.reset(token)

    def _stack(self) -> list[list[tuple[ContextVar[bool], Token[bool]]]]:
        return self.__dict__.setdefault("_entered", [])

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return switched


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


def is_grad_enabled() -> bool:
    """Whether gradients are recorded now."""
    return settings.grad_enabled.get()


def is_inference_mode_enabled() -> bool:
    """Whether inference_mode is on."""
    return settings.inference.get()
