"""A method as a function of the tensor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chainrule.errors import ArgumentTypeError
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
            return out._assign(method(input, *args, **kwargs), f"{name}(out=...)")
        return method(input, *args, **kwargs)

    return lifted
