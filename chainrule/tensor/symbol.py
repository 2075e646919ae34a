"""A symbol: what a traced tensor holds in place of an array."""

from __future__ import annotations

import inspect
import linecache
import os
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from chainrule.errors import TraceError
from chainrule.ir.graph import Variable

if TYPE_CHECKING:
    from chainrule.tensor.trace import Trace

PACKAGE = str(Path(__file__).parents[1])


class Symbol:
    """What a traced tensor holds in place of an array: a variable of the graph."""

    __slots__ = ("__weakref__", "dtype", "shape", "trace", "variable")

    def __init__(self, variable: Variable, trace: Trace) -> None:
        self.variable = variable
        self.trace = trace
        self.shape = variable.shape
        self.dtype = variable.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getattr__(self, name: str) -> Any:
        """What an array has and a symbol has not: somebody takes it for an array."""
        self.no_numbers("computing with it")

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        self.no_numbers("computing with it")

    def __array__(self, *_: Any, **__: Any) -> Any:
        self.no_numbers("reading its numbers")

    def no_numbers(self, what: str) -> None:
        """Raise the error that fits: still tracing, or left over from a trace that ended."""
        if self.trace.is_current():
            raise TraceError(
                "CR401",
                f"{what} needs the numbers of a tensor, which do not exist while a function "
                f"is compiled{user_line()}. Return the tensor and read it outside, or use "
                "chainrule.where in place of an if",
            )
        raise TraceError(
            "CR402",
            f"this tensor was made inside a compiled function and kept outside it; {what} is "
            "impossible. Return it from the function instead",
        )


def user_line(prefix: str = " at ") -> str:
    """The innermost line outside chainrule, as `train.py:12: loss.item()`."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    if frame is None:
        return ""
    return prefix + _line(frame.f_code.co_filename, frame.f_lineno, frame)


def _line(path: str, number: int, frame: FrameType) -> str:
    """A line of a program with its name and number."""
    text = linecache.getline(path, number, frame.f_globals).strip()
    return f"{os.path.basename(path)}:{number}" + (f": {text}" if text else "")
