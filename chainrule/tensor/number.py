"""Python numbers that change from step to step, such as a learning rate."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.errors import TraceError
from chainrule.tensor import trace
from chainrule.tensor.symbol import user_line
from chainrule.tensor.tensor import Tensor


def changing_number(read: Callable[[], float]) -> float | Tensor:
    """What `read()` returns; while tracing a 0-d float64 tensor that reads it at every call.

    So a compiled step follows a learning-rate schedule without being traced again.
    """
    writing = trace.current.get()
    return read() if writing is None else Tensor._wrap(writing.number(read))


def steering_value(read: Callable[[], object], what: str) -> object:
    """What `read()` returns, for an `if` in Python code; another value is traced anew."""
    writing = trace.current.get()
    return read() if writing is None else writing.guard(read, what)


def refuse_in_compiled(code: str, what: str, why: str) -> None:
    """Refuse what would happen once, while tracing, and not at every compiled call.

    Raises: TraceError with the code given.
    """
    if trace.current.get() is not None:
        raise TraceError(code, f"{what} inside a compiled function{user_line()} {why}")
