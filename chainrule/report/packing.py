"""Packing: numbers in the page, short to write and quick to read."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.report.downsampling import thin
from chainrule.report.series import Series

MOST_POINTS = 400_000  # of all series of a page together
FEWEST, MOST = 64, 1_600  # of one series


def points_each(series: int) -> int:
    """How many points each of so many series may have."""
    return int(np.clip(MOST_POINTS // max(1, series), FEWEST, MOST))


class Arrays:
    """Arrays of the page, each once: a letter for the kind, and the bytes in base64.

    The kinds are `b` and `u` for whole numbers below 2⁸ and 2³², `f` and `d` for others in
    single and double precision.

    Example:
        >>> arrays = Arrays()
        >>> arrays.add(np.array([1.0, 2.0]), whole=True), arrays.texts
        (0, ['bAQI='])
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._places: dict[str, int] = {}

    def add(self, array: np.ndarray, *, whole: bool = False) -> int:
        """The place of an array in the page."""
        kind, dtype = _whole(array) if whole else ("f", "<f4")
        with np.errstate(over="ignore"):  # beyond float32 is infinity in a picture
            text = kind + base64.b64encode(array.astype(dtype).tobytes()).decode()
        if text not in self._places:
            self._places[text] = len(self.texts)
            self.texts.append(text)
        return self._places[text]

    def series(self, series: Series, points: int) -> list[int]:
        """Places of steps and values, and of the means where points were left out."""
        found = thin(*series.arrays(), points)
        places = [self.add(found.steps, whole=True), self.add(found.values)]
        if found.mean_steps is not None and found.means is not None:
            places += [self.add(found.mean_steps.round(), whole=True), self.add(found.means)]
        return places


def _whole(array: np.ndarray) -> tuple[str, str]:
    """The kind and dtype in which whole numbers are exact."""
    low, high = (array.min(), array.max()) if len(array) else (0, 0)
    if low >= 0 and high < 2**8:
        return "b", "u1"
    return ("u", "<u4") if low >= 0 and high < 2**32 else ("d", "<f8")


def finite_or_text(value: float | None) -> Any:
    """A number for JSON: the text "nan", "inf" or "-inf" where it is not finite."""
    return value if value is None or np.isfinite(value) else str(float(value))


def clock(
    records: Iterable[dict[str, Any]], began: float | None, points: int
) -> Sequence[Sequence[float]]:
    """Steps, and the epoch and the seconds that each stands for: the other axes of time.

    Args:
        records: those of scalars, and of resumptions, whose pauses do not count.
        began: when the run did, in seconds since 1970; with the first record if None.
    """
    given = list(records)
    epochs = [
        (record.get("step", 0), record["epoch"])
        for record in given
        if record.get("epoch_end") and isinstance(record.get("epoch"), int)
    ]
    return [*_columns(epochs, points), *_columns(list(_elapsed(given, began)), points)]


def _elapsed(
    records: Iterable[dict[str, Any]], began: float | None
) -> Iterator[tuple[int, float]]:
    """Steps, and the seconds of training until then."""
    last = None
    for record in records:
        time = record.get("time")
        if not isinstance(time, (int, float)):
            continue
        if record["kind"] == "resumed":
            began = time if last is None or began is None else began + time - last
            continue
        began = time if began is None else began
        last = time
        yield record.get("step", 0), time - began


def _columns(rows: Sequence[Any], points: int) -> list[list[float]]:
    """Two columns of sorted rows, of which at most so many stay."""
    ordered = sorted(dict(rows).items())
    every = max(1, -(-len(ordered) // points))
    kept = ordered[::every]
    if ordered and kept[-1] != ordered[-1]:
        kept.append(ordered[-1])
    return [[row[0] for row in kept], [round(row[1], 3) for row in kept]]
