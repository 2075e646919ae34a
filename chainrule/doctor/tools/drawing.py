"""Pictures made of characters: curves, bars and aligned tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a Braille character
EIGHTHS = " ▏▎▍▌▋▊▉█"


def curve(
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    *,
    width: int = 60,
    height: int = 12,
) -> list[str]:
    """A line through the points, with the range of y at its left; no number, no line.

    Args: x: increasing; y: what is not finite leaves a gap.

    Example:
        >>> print("\\n".join(curve([0, 1, 2], [0.0, 1.0, 0.0], width=8, height=2)))
             1 │  ⣠⠞⠳⣄
             0 │⣠⠞⠁  ⠈⠳⣄
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    finite = ys[np.isfinite(ys)]
    if not finite.size:
        return []
    low, high = float(finite.min()), float(finite.max())
    grid = np.zeros((4 * height, 2 * width), bool)
    columns = np.linspace(xs[0], xs[-1], 2 * width)
    if len(xs) > 1:
        along = np.interp(columns, xs, ys)  # NaN next to a gap
        rows = (high - along) / ((high - low) or 1) * (4 * height - 1)
        _connect(grid, rows)
    lines = [_braille(grid, row, width).rstrip("⠀ ") for row in range(height)]
    labels = {0: f"{high:.4g}", height - 1: f"{low:.4g}"}
    return [f"{labels.get(row, ''):>10} │{line}" for row, line in enumerate(lines)]


def _connect(grid: np.ndarray, rows: np.ndarray) -> None:
    """Set the dots of each column, and those down to half the way to its neighbours."""
    for column, row in enumerate(rows):
        if not math.isfinite(row):
            continue
        near = rows[max(0, column - 1) : column + 2]
        reach = [(row + other) / 2 for other in near if math.isfinite(other)]
        first, last = round(min(row, *reach)), round(max(row, *reach))
        grid[max(0, first) : last + 1, column] = True


def _braille(grid: np.ndarray, row: int, width: int) -> str:
    block = grid[4 * row : 4 * row + 4]
    codes = [
        sum(DOTS[i][j] for i in range(2) for j in range(4) if block[j, 2 * column + i])
        for column in range(width)
    ]
    return "".join(chr(0x2800 + code) if code else " " for code in codes)


def bar(share: float, width: int = 24) -> str:
    """A bar of eighths of characters.

    Example:
        >>> bar(0.5, 4)
        '██  '
    """
    eighths = round(8 * width * min(max(share, 0.0), 1.0))
    full, rest = divmod(eighths, 8)
    return (EIGHTHS[8] * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Aligned columns: the first `left` ones to the left, the others to the right.

    Example:
        >>> print("\\n".join(table(("name", "size"), [("a", "10"), ("bc", "7")])))
        name  size
        ──────────
        a       10
        bc       7
    """
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(size) if i < left else cell.rjust(size)
            for i, (cell, size) in enumerate(zip(row, widths))
        ]
        return "  ".join(cells).rstrip()

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return [line(head), rule, *map(line, rows)]


def short(number: float, unit: str = "") -> str:
    """A number with three digits and a prefix.

    Example:
        >>> short(11_689_512), short(3.6e9, "FLOP"), short(96, "B"), short(0)
        ('11.7 M', '3.6 GFLOP', '96 B', '0')
    """
    power = 0
    scaled = float(number)
    while abs(scaled) >= 999.5 and power < 5:
        scaled, power = scaled / 1000, power + 1
    text = f"{scaled:.3g}"
    return f"{text} {' kMGTP'[power].strip()}{unit}".rstrip()


def finite_or_text(value: Any) -> Any:
    """A float for JSON: what is not finite as "nan", "inf" or "-inf"."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
