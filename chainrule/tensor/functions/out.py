"""The keyword `out=`: a tensor that takes the result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from chainrule.tensor.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def with_out(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with a keyword `out` for the tensor that takes the result.

    A tensor without elements takes the shape of the result too.
    """

    @functools.wraps(function)
    def either(*args: P.args, **kwargs: P.kwargs) -> R:
        out = kwargs.pop("out", None)
        y = function(*args, **kwargs)
        return y if out is None else stored(y, out, function.__name__)  # type: ignore[return-value]

    return either


def stored(y: object, out: object, what: str) -> object:
    """`out`, holding y; for several results, a tuple of tensors of which each holds one."""
    if isinstance(out, (tuple, list)) and isinstance(y, tuple):
        parts: list[Any] = [stored(a, b, what) for a, b in zip(y, out, strict=True)]
        return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)
    assert isinstance(out, Tensor) and isinstance(y, Tensor)
    if out.numel() == 0:
        out.data = y.detach()._cast(out._cell.array.dtype)
        return out
    return out._assign(y, f"{what}(out=...)")
