"""The loop over time: computed step by step, or one equation of a compiled function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.tensor import trace
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.scan import scanned
from chainrule.tensor.tensor import Tensor


def scan(
    step: Callable, state: Any, xs: Sequence[Tensor | None], reverse: bool = False
) -> tuple[Any, list[Tensor]]:
    """The loop over time  state, yₜ = step(state, *xₜ).

    Shapes:  each of xs (t, n, …) or None; each of the ys (n, …) → (t, n, …)
    Args:    reverse: start at the last time.
    Notes:   while a function is compiled, one equation whatever the length.
    """
    length, n = next(x.shape[:2] for x in xs if x is not None)
    if trace.current.get() is not None and length > 1:
        loop = _as_one_equation(step, state, xs, length, reverse)
        if loop is not None:
            return loop
    columns: list[Any] = [
        [None] * length if x is None else x.flatten(0, 1).split([n] * length) for x in xs
    ]
    times = list(zip(*columns, strict=True))
    found = []
    for now in reversed(times) if reverse else times:
        state, ys = step(state, *now)
        found.append(ys)
    ordered = found[::-1] if reverse else found
    joined = [cat(rows).unflatten(0, (length, n)) for rows in zip(*ordered, strict=True)]
    return state, joined


def _as_one_equation(
    step: Callable, state: Any, xs: Sequence[Tensor | None], length: int, reverse: bool
) -> tuple[Any, list[Tensor]] | None:
    def body(states: list[Tensor], columns: list[Tensor]) -> tuple[Sequence[Tensor], Any]:
        rest = iter(columns)
        now = [None if x is None else next(rest) for x in xs]
        after, ys = step(states[0] if single else tuple(states), *now)
        return [after] if single else after, ys

    single = isinstance(state, Tensor)
    given = [x for x in xs if x is not None]
    found = scanned(body, [state] if single else state, given, length, reverse)
    if found is None:
        return None
    ys, last = found
    return last[0] if single else tuple(last), ys
