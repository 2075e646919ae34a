"""What autocast does to the operands of products and to the inputs of losses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import dtypes, settings


def narrowed(*xs: Any) -> tuple[Any, ...]:
    """Inside autocast float32 tensors in its narrow type, and all else as it is."""
    narrow = settings.autocast.get()
    if narrow is None:
        return xs
    return tuple(
        x if x is None or x.dtype is not dtypes.float32 else x._cast(narrow) for x in xs
    )


def in_float32(loss: Callable) -> Callable:
    """The loss, computed in float32 where autocast has made its inputs narrow."""

    @functools.wraps(loss)
    def widened(*args: Any, **kwargs: Any) -> Any:
        if settings.autocast.get() is not None:
            args = tuple(_widened(x) for x in args)
            kwargs = {name: _widened(x) for name, x in kwargs.items()}
        return loss(*args, **kwargs)

    return widened


def _widened(x: Any) -> Any:
    narrow = getattr(x, "dtype", None) in (dtypes.float16, dtypes.bfloat16)
    return x._cast(np.dtype(np.float32)) if narrow else x
