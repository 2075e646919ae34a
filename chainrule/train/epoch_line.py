"""The text of an epoch: numbers of one width, so that the lines of all epochs align."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

LEVELS = "▁▂▃▄▅▆▇█"
NOT_FINITE = "!"
DIGITS = 6  # characters of a number
VALIDATION = "validation_"


@dataclass(frozen=True)
class Layout:
    """What a line has room for."""

    gap: int = 2
    full: bool = False  # all names, and a column for "best"; otherwise a * behind the epoch
    words: bool = True  # "epoch" before its number
    spark: int = 0  # characters of the sparkline
    seconds: bool = False
    rate: bool = False
    left: bool = True
    every_score: bool = True  # or only one
    validation: str = "val"  # the validation loss


#: from wide to narrow; the first that fits is taken
LAYOUTS = (
    Layout(3, full=True, spark=10, seconds=True, rate=True),
    Layout(spark=10, seconds=True, rate=True, validation="val loss"),
    Layout(spark=10, rate=True, validation="val loss"),
    Layout(words=False, spark=5, rate=True),
    Layout(words=False, rate=True),
    Layout(words=False),
    Layout(words=False, every_score=False),
    Layout(words=False, spark=5, left=False, every_score=False),
    Layout(words=False, left=False, every_score=False),
)


@dataclass(frozen=True)
class EpochLine:
    """What is to be said of one epoch.

    Args:
        record: its entry in the history.
        epochs: how many there will be.
        losses: the training losses of the epochs so far.
        watched: the name of the score that says which epoch is best.
        best: whether this is the best so far.
        rate: samples per second, if known.
        left: seconds until the end, if known.

    Example:
        >>> record = {"epoch": 2, "train_loss": 0.25, "validation_loss": 0.5, "seconds": 1.5}
        >>> line = EpochLine(record, 3, [1.0, 0.25], "validation_loss", True, 1234.0, 1.5)
        >>> print(line.text(60))
        2/3* loss 0.2500  val 0.5000  █▁     1,234/s     2 s left
    """

    record: dict[str, Any]
    epochs: int
    losses: list[float]
    watched: str
    best: bool
    rate: float | None
    left: float | None

    def text(self, width: int | None = None, blocks: bool = True) -> str:
        """The line in the widest layout that fits, without block characters if need be."""
        layouts = LAYOUTS if blocks else [replace(layout, spark=0) for layout in LAYOUTS]
        for layout in layouts:
            line = self._in(layout)
            # the spaces at the end count, as the next epoch may fill them
            if width is None or columns_of(line) <= width:
                return line.rstrip()
        return cropped(line.rstrip(), width or 0)

    def _in(self, layout: Layout) -> str:
        number = f"{self.record['epoch']:>{len(str(self.epochs))}}/{self.epochs}"
        loss = f"loss {number_text(self.record['train_loss'])}"
        columns = [f"epoch {number}" if layout.words else number, loss]
        columns += self._scores(layout)
        if layout.spark and self.epochs > 1:
            width = min(layout.spark, self.epochs)
            columns.append(f"{sparkline(self.losses[-width:]):<{width}}")
        if layout.rate:
            unit = " samples/s" if layout.full else "/s"
            columns.append(rate_text(self.rate) + unit)
        if layout.seconds:
            columns.append(f"{duration(self.record['seconds']):>{DIGITS}}")
        if layout.full:
            columns.append("best" if self.best else "    ")
        if layout.left and self.epochs > 1:
            known = self.left is not None and self.record["epoch"] < self.epochs
            columns.append(left_text(self.left if known else None))
        line = (" " * layout.gap).join(columns)
        if self.best and not layout.full:
            at = len(columns[0])
            line = f"{line[:at]}*{line[at + 1 :]}"
        return line

    def _scores(self, layout: Layout) -> list[str]:
        """The scores on the validation data, or the one that matters most."""
        names = [name for name in self.record if name.startswith(VALIDATION)]
        if not layout.every_score and names:
            names = [self.watched if self.watched in names else names[0]]
        return [score_text(name, self.record[name], layout) for name in names]


def score_text(name: str, score: Any, layout: Layout) -> str:
    """A score with its name; an accuracy in percent."""
    shown = plain(name.replace("_", " "))
    if not layout.full:
        shown = shown.removeprefix("validation ")
        shown = layout.validation if name == "validation_loss" else shown
    if isinstance(score, (int, float)) and name.endswith("accuracy"):
        return f"{shown} {100 * score:5.1f} %"
    return f"{shown} {number_text(score)}"


def number_text(value: Any) -> str:
    """A number in six characters, with as many digits as they can hold.

    Example:
        >>> [number_text(x) for x in (0.25, -1234.5678, 1.5e-7, float("nan"))]
        ['0.2500', ' -1235', '1.5e-7', '   nan']
    """
    if not isinstance(value, (int, float)):
        return plain(str(value))
    if not math.isfinite(value):
        return f"{value:>{DIGITS}}"
    for decimals in range(4, -1, -1):
        text = f"{value:.{decimals}f}"
        if len(text) <= DIGITS and (abs(value) >= 0.001 or value == 0):
            return f"{text:>{DIGITS}}"
    for decimals in range(2, -1, -1):
        mantissa, exponent = f"{value:.{decimals}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
        if len(text) <= DIGITS:
            break
    return f"{text:>{DIGITS}}"


def rate_text(rate: float | None) -> str:
    """Things per second in seven characters."""
    if rate is None:
        return f"{'?':>7}"
    return f"{rate:7,.0f}" if rate >= 100 else f"{rate:7.1f}"


def left_text(seconds: float | None, at_least: bool = False) -> str:
    """How long it will still take, in whole seconds, or as many spaces."""
    if seconds is None:
        return " " * (DIGITS + 5)
    shown = duration(seconds) if seconds >= 59.5 else f"{max(1, round(seconds))} s"
    return f"{'>' * at_least + shown:>{DIGITS}} left"


def duration(seconds: float) -> str:
    """A time in at most six characters.

    Example:
        >>> [duration(x) for x in (0.5, 45.3, 3599.8, 3600 * 30)]
        ['0.50 s', '45.3 s', '1h00m', '1d06h']
    """
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    hours = round(seconds / 3600)
    return f"{hours // 24}d{hours % 24:02d}h"


def sparkline(values: list[float]) -> str:
    """A tiny curve, from the lowest to the highest of the values; ! where one is not finite.

    Example:
        >>> sparkline([3.0, 2.0, 1.0, float("nan"), 1.0])
        '█▅▁!▁'
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    step = (high - low) / (len(LEVELS) - 1) or 1.0
    return "".join(
        LEVELS[round((value - low) / step)] if math.isfinite(value) else NOT_FINITE
        for value in values
    )


def plain(text: str) -> str:
    """A text on one line, without characters that steer a terminal."""
    line = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in line)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes; wide characters take two.

    Example:
        >>> columns_of("loss"), columns_of("損失")
        (4, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):  # drawn over the one before
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cropped(text: str, width: int) -> str:
    """A text in at most so many columns; two points stand for what is missing."""
    if columns_of(text) <= width:
        return text
    kept = text
    while columns_of(kept) > max(width - 2, 0):
        kept = kept[:-1]
    return (kept + "..")[:width]
