"""A method as a function of the tensor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chainrule.errors import ArgumentTypeError
from chainrule.tensor.functions.out import stored
from chainrule.tensor.promotion import plain_number, result_dtype
from chainrule.tensor.tensor import Tensor


def function(name: str) -> Callable[..., Any]:
    """The method `name` as a function of the tensor."""
    method = getattr(Tensor, name)

    @functools.wraps(method)
    def lifted(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise ArgumentTypeError(
                "CR209",
                f"{name}() takes a tensor first, got {type(input).__name__}; "
                "chainrule.tensor(value) makes one",
            )
        if kwargs and (out := kwargs.pop("out", None)) is not None:
            return stored(method(input, *args, **kwargs), out, name)
        return method(input, *args, **kwargs)

    return lifted


def either(name: str) -> Callable[..., Any]:
    """The method `name` as a function of two, the first of which may be a number."""
    lifted = function(name)

    @functools.wraps(lifted)
    def of_two(input: Any, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], Tensor) and not isinstance(input, Tensor):
            input = Tensor._number(plain_number(input), result_dtype(input, args[0]))
        return lifted(input, *args, **kwargs)

    return of_two
