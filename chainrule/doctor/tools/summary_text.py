"""A summary as a table, with repeated modules folded into one row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from chainrule.doctor.tools.architecture import Architecture
from chainrule.doctor.tools.drawing import short, table

HEAD = ("module", "input", "output", "parameters", "FLOP", "activations", "ms")
PAGE = 60  # rows that are shown unless a depth is given
WIDEST = 36  # characters of a shape
Row = tuple[str, ...]


def rows_of(root: Architecture, depth: int | None) -> list[Row]:
    """The rows down to a depth; without one, as deep as leaves no more than a page."""
    if depth is not None:
        return list(_rows([root], 0, depth))
    rows = list(_rows([root], 0, 1))
    for deeper in range(2, 50):
        more = list(_rows([root], 0, deeper))
        if len(more) > PAGE or len(more) == len(rows):
            break
        rows = more
    return rows


def table_of(rows: list[Row]) -> list[str]:
    """The lines of the table."""
    return table(HEAD, rows, left=3)


def _rows(parts: list[Architecture], level: int, depth: int) -> Iterator[Row]:
    """Rows of siblings; neighbours of one kind become one, with the figures of one."""
    for _, same in groupby(parts, key=Architecture.kind):
        alike = list(same)
        yield _row(alike, level)
        if level < depth:
            yield from _rows(list(alike[0].children), level + 1, depth)


def _row(alike: list[Architecture], level: int) -> Row:
    part, count = alike[0], len(alike)
    label = part.name if part.name == part.type else f"{part.name}: {part.type}"
    if count > 1:
        label = f"{part.name}–{alike[-1].name}: {count} × {part.type}"
    if part.same_as:
        return ("  " * level + f"{label} (same as {part.same_as})", *[""] * 6)
    ran = part.calls > 0 or part.milliseconds > 0
    times = f" ({part.calls} calls)" if part.calls > 1 else ""
    return (
        "  " * level + label + times,
        _shape(part.input_shape) if ran else "not called",
        _shape(part.output_shape),
        f"{part.parameters:,}" if part.parameters else "–",
        short(part.flops) if part.flops else "–",
        short(part.activation_bytes, "B") if part.activation_bytes else "–",
        f"{part.milliseconds:.3f}" if ran else "–",
    )


def _shape(shape: Any) -> str:
    """Shapes without quotes and without what is no tensor, cut where they are long."""
    if isinstance(shape, dict):
        text = ", ".join(f"{name}: {_shape(x)}" for name, x in shape.items())
    elif isinstance(shape, list) and not all(isinstance(n, int) for n in shape):
        text = ", ".join(_shape(x) for x in shape if x is not None)
    else:
        text = "" if shape is None else str(shape)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
