"""Charts: which series are drawn together, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chainrule.report.packing import Arrays
from chainrule.report.run import Run
from chainrule.report.series import Series

#: how the part of the data is written in a name → what it is called
PARTS = {
    "train": "training", "training": "training",
    "validation": "validation", "valid": "validation", "val": "validation",
    "eval": "validation", "dev": "validation",
    "test": "test",
}  # fmt: skip
RATES = ("learning_rate", "lr")
FIRST = ("loss", "accuracy")  # charts that come before the others
SPOKEN = {"lr": "learning rate", "seconds": "seconds for each epoch"}


@dataclass
class Chart:
    """One chart: its title, and its lines as (label, where from, series)."""

    title: str
    section: str
    kind: str = ""  # "rate" for a learning rate, which is not smoothed
    lines: list[tuple[str, str, Series]] = field(default_factory=list)

    def packed(self, arrays: Arrays, points: int) -> dict[str, Any]:
        """As the page takes it."""
        lines = [
            {"label": label, "source": source, "data": arrays.series(series, points)}
            for label, source, series in self.lines
        ]
        return {
            "title": self.title,
            "section": self.section,
            "kind": self.kind,
            "lines": lines,
        }


def split_name(name: str) -> tuple[str, str]:
    """What is measured, and on which part of the data.

    Example:
        >>> split_name("validation_loss"), split_name("loss/train"), split_name("seconds")
        (('loss', 'validation'), ('loss', 'training'), ('seconds', ''))
    """
    for mark in ("/", "_", "."):
        head, _, tail = name.partition(mark)
        if tail and head.lower() in PARTS:
            return tail, PARTS[head.lower()]
        head, _, tail = name.rpartition(mark)
        if head and tail.lower() in PARTS:
            return head, PARTS[tail.lower()]
    return name, ""


def charts_of(run: Run) -> list[Chart]:
    """The charts of a run: losses and metrics first, then the learning rate, then the rest."""
    found: dict[str, Chart] = {}
    for source, table in (("step", run.steps), ("epoch", run.epochs)):
        for name, series in table.items():
            what, part = split_name(name)
            chart = found.setdefault(what, _empty(what, part))
            twice = name in run.steps and name in run.epochs
            chart.lines.append((_label(part, source, twice), source, series))
    _drop_copies(found.values())
    return [found[what] for what in sorted(found, key=_rank)]


def title(name: str) -> str:
    """A name as a heading."""
    shown = SPOKEN.get(name) or name.replace("_", " ").strip()
    return shown[:1].upper() + shown[1:] if shown else name


def _label(part: str, source: str, twice: bool) -> str:
    if not twice:
        return part or ("each epoch" if source == "epoch" else "each step")
    kind = "mean of the epoch" if source == "epoch" else "each step"
    return f"{part}, {kind}" if part else kind


def _empty(what: str, part: str) -> Chart:
    """The chart of one measure, still without lines."""
    plain = part or what.lower() in FIRST or "/" not in what
    section = "Curves" if plain else title(what.split("/", 1)[0])
    return Chart(title(what), section, "rate" if what in RATES else "")


def _drop_copies(charts: Iterable[Chart]) -> None:
    """A learning rate of each step says all that one of each epoch does."""
    for chart in charts:
        if chart.kind == "rate" and any(s == "step" for _, s, _ in chart.lines):
            chart.lines = [line for line in chart.lines if line[1] == "step"]


def _rank(what: str) -> tuple[int, str]:
    """The order of charts: by kind, then as the names are."""
    last = what.rsplit("/", 1)[-1].lower()
    if what.lower() in FIRST:
        return FIRST.index(what.lower()), ""
    if what in RATES:
        return 5, what
    if what in ("seconds", "time"):
        return 9, what
    return (3 if any(word in last for word in FIRST) else 4), what
