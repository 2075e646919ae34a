"""Comparison: many runs in one page, with their configurations, scores and curves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chainrule.errors import ArgumentError, RunError
from chainrule.journal.plain import plain
from chainrule.report.charts import split_name, title
from chainrule.report.content import scores_of
from chainrule.report.overview import read_overview
from chainrule.report.packing import MOST_POINTS, Arrays, clock
from chainrule.report.page import write_page
from chainrule.report.run import Run, seconds_of

COMPARISON = "comparison.html"
MOST_RUNS = 500
FEWEST, MOST = 40, 400  # points of a curve
CLOCK_POINTS = 40
ALL_STEPS, FEWEST_STEPS, MOST_STEPS = 60_000, 100, 4_000  # lines that are read


def write_comparison(
    runs: Sequence[str | os.PathLike], out: str | os.PathLike = COMPARISON
) -> tuple[Path, list[str]]:
    """Write one page about many runs: a table of what differs, and curves over each other.

    Args:
        runs: run folders, at most 500.
        out: the page.

    Returns: the page, and for each run that could not be read why; the others are in it.

    Raises: ArgumentError (CR824) for too many runs; RunError where no run can be read (CR825),
        or the page not be written (CR803).
    """
    if not 0 < len(runs) <= MOST_RUNS:
        raise ArgumentError(
            "CR824", f"a comparison is of 1 to {MOST_RUNS} runs, got {len(runs)}; name fewer"
        )
    found, refused = read_overviews(runs)
    if not found:
        raise RunError("CR825", f"none of the {len(runs)} runs can be read: {refused[0]}")
    path = Path(out)
    write_page(comparison_of(found, refused), f"{len(found)} runs compared", path)
    return path, refused


def read_overviews(runs: Sequence[str | os.PathLike]) -> tuple[list[Run], list[str]]:
    """The runs that can be read, and what is wrong with the others."""
    found, refused = [], []
    steps = min(MOST_STEPS, max(FEWEST_STEPS, ALL_STEPS // len(runs)))
    for path in dict.fromkeys(Path(run) for run in runs):
        try:
            found.append(read_overview(path, steps))
        except RunError as error:
            refused.append(str(error))
    return found, refused


def comparison_of(runs: Sequence[Run], refused: Sequence[str]) -> dict[str, Any]:
    """The page about the runs."""
    arrays = Arrays()
    tables = [_curves(run) for run in runs]
    count = sum(map(len, tables))
    points = min(MOST, max(FEWEST, MOST_POINTS // 2 // max(1, count)))
    names = _distinct_names(runs)
    rows = [
        {
            "name": name,
            "folder": str(run.folder),
            "state": run.state,
            "config": _flat(_configuration(run)),
            "scores": {score["name"]: score for score in scores_of(run)},
            "clock": clock(run.timed, seconds_of(run.started), CLOCK_POINTS),
            "findings": [_finding(record) for record in run.of_kind("finding")],
            "curves": {n: arrays.series(series, points) for n, series in table.items()},
        }
        for name, run, table in zip(names, runs, tables, strict=True)
    ]
    measures = dict.fromkeys(name for table in tables for name in table)
    titles = {name: _title(name) for name in measures}
    return plain(
        {
            "page": "comparison",
            "name": f"{len(runs)} runs",
            "runs": rows,
            "titles": titles,
            "refused": list(refused),
            "arrays": arrays.texts,
        }
    )


def _curves(run: Run) -> dict[str, Any]:
    """One curve for each measure: that of the steps, or of the epochs where there is none."""
    return {**run.epochs, **run.steps}


def _title(name: str) -> str:
    what, part = split_name(name)
    return f"{title(what)}, {part}" if part else title(what)


def _finding(record: dict[str, Any]) -> str:
    found = record.get("finding")
    return str(found.get("code", "")) if isinstance(found, dict) else ""


def _configuration(run: Run) -> dict[str, Any]:
    """The configuration; the options of an optimizer stand under their own names in it."""
    facts = run.facts
    known: dict[str, Any] = {
        n: facts[n] for n in ("model", "optimizer", "parameters", "seed") if n in facts
    }
    config = dict(facts["config"]) if isinstance(facts.get("config"), dict) else {}
    options = config.get("optimizer")
    if isinstance(options, dict):
        del config["optimizer"]
        known |= {n: value for n, value in options.items() if n != "name"}
        known.setdefault("optimizer", options.get("name"))
    return {**known, **config}


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, with dots between the names."""
    found: dict[str, Any] = {}
    for name, each in value.items():
        if isinstance(each, dict):
            found |= _flat(each, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = each
    return found


def _distinct_names(runs: Sequence[Run]) -> list[str]:
    """The names of the folders; with those above them where two are the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else str(run.folder)
        for name, run in zip(names, runs, strict=True)
    ]
