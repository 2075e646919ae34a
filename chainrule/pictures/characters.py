"""Pictures made of characters, for a terminal: shades, curves and points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

SHADES = " ░▒▓█"
SIGNS = "ox+*#%@&abcdefgh"  # of classes and of curves

#: bits of a Braille character for its 4 rows and 2 columns of dots
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
BRAILLE = 0x2800


def number(value: float) -> str:
    """A number in at most four digits."""
    return f"{value:.4g}"


def resized(matrix: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A matrix at another size, by taking the nearest elements."""
    r = (np.arange(rows) + 0.5) * matrix.shape[0] / rows
    c = (np.arange(columns) + 0.5) * matrix.shape[1] / columns
    return matrix[np.ix_(r.astype(int), c.astype(int))]


def shades(matrix: np.ndarray, width: int = 48, values: np.ndarray | None = None) -> str:
    """A matrix as shades, its first row on top, with the range of its values under it.

    Args: values: what the matrix stands for, if it is not shown as it is.

    Notes: a character is twice as high as wide, so there are half as many rows; what is not
    finite is a question mark.
    """
    columns = min(width, 2 * matrix.shape[1])
    rows = max(1, round(columns * matrix.shape[0] / matrix.shape[1] / 2))
    small = resized(matrix, rows, columns)
    known = small[np.isfinite(small)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    levels = (small - low) / ((high - low) or 1.0) * (len(SHADES) - 1)
    steps = np.rint(np.nan_to_num(levels, nan=0, posinf=0, neginf=0)).astype(int)
    drawn = np.where(np.isfinite(small), np.array(list(SHADES))[steps], "?")
    lines = ["".join(row).rstrip() for row in drawn]
    if values is not None and (known := values[np.isfinite(values)]).size:
        low, high = float(known.min()), float(known.max())
    return "\n".join([*lines, f"{SHADES[0]!r} {number(low)} … {SHADES[-1]!r} {number(high)}"])


def scattered(
    points: np.ndarray,
    labels: np.ndarray,
    limits: tuple[float, float, float, float] | None = None,
    background: np.ndarray | None = None,
    size: tuple[int, int] = (20, 56),
) -> str:
    """Points (n, 2) as signs of their classes, over signs of a matrix of classes.

    Args:
        limits: left, right, bottom, top; by default those of the points.
        background: classes (rows, columns), the first row at the bottom: shown as dots.
    """
    rows, columns = size
    cells = np.full(size, " ", dtype="<U1")
    if background is not None:
        cells = np.array(list(" ·:"))[resized(background, rows, columns) % 3]
    left, right, bottom, top = limits or (*_range(points[:, 0]), *_range(points[:, 1]))
    c = ((points[:, 0] - left) / (right - left) * columns).astype(int)
    r = ((points[:, 1] - bottom) / (top - bottom) * rows).astype(int)
    inside = (c >= 0) & (c < columns) & (r >= 0) & (r < rows)
    signs = np.array(list(SIGNS))[labels % len(SIGNS)]
    cells[r[inside], c[inside]] = signs[inside]
    return "\n".join("".join(row).rstrip() for row in cells[::-1])


def curves(series: Mapping[str, Sequence[float] | np.ndarray], width: int = 60) -> str:
    """Curves over their positions, each on lines of its own, with first, lowest and last."""
    length = max(map(len, series), default=0)
    return "\n".join(
        f"{name:<{length}}  {_summary(np.asarray(values, float))}\n{braille(values, width)}"
        for name, values in series.items()
    )


def braille(values: Sequence[float] | np.ndarray, width: int = 60, height: int = 5) -> str:
    """One curve in Braille dots, two to a column and four to a row."""
    y = np.asarray(values, float)
    columns = max(1, min(width, -(-len(y) // 2)))
    at = np.linspace(0, len(y) - 1, 2 * columns).round().astype(int)
    y = y[at]
    low, high = _range(y[np.isfinite(y)])
    levels = np.nan_to_num((y - low) / (high - low), nan=-1, posinf=-1, neginf=-1)
    dots = np.zeros((4 * height, 2 * columns), bool)
    lit = (levels >= 0) & (levels <= 1)
    row = np.rint((1 - levels) * (4 * height - 1)).astype(int)
    dots[row[lit], np.flatnonzero(lit)] = True
    blocks = dots.reshape(height, 4, columns, 2)
    codes = BRAILLE + (blocks * DOTS[None, :, None, :]).sum((1, 3))
    return "\n".join("".join(map(chr, row)).rstrip(chr(BRAILLE)) for row in codes)


def _summary(y: np.ndarray) -> str:
    if not np.isfinite(y).any():
        return "never finite"
    best = int(np.nanargmin(np.where(np.isfinite(y), y, np.inf)))
    return f"{number(y[0])} → {number(y[-1])}, lowest {number(y[best])} at {best}"


def _range(values: np.ndarray) -> tuple[float, float]:
    """The least and the largest, a little apart from each other."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high + 1e-9 * (high - low)) if high > low else (low - 0.5, high + 0.5)
