"""A symbol: what a traced tensor holds in place of an array."""

from __future__ import annotations

import traceback
from pathlib import Path
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
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(PACKAGE):
            text = f": {frame.line}" if frame.line else ""
            return f"{prefix}{Path(frame.filename).name}:{frame.lineno}{text}"
    return ""
