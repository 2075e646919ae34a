"""Content: all that the page of one run shows, as JSON has it."""

from __future__ import annotations

from typing import Any

from chainrule.journal.plain import number, plain
from chainrule.report.charts import charts_of, split_name, title
from chainrule.report.layers import layers_of
from chainrule.report.packing import Arrays, clock, finite_or_text, points_each
from chainrule.report.run import Run, seconds_of
from chainrule.report.series import higher_is_better

SEVERITIES = ("fatal", "error", "serious", "warning", "note")
CLOCK_POINTS = 500
MOST_ITEMS = 64  # pictures or rows
MOST_CLASSES = 200  # of a confusion matrix


def content_of(run: Run) -> dict[str, Any]:
    """The page of one run."""
    arrays = Arrays()
    facts = run.facts
    points = points_each(len(run.steps) + len(run.epochs))
    found = {
        "page": "report",
        "name": run.name,
        "folder": str(run.folder),
        "started": run.started,
        "state": run.state,
        "summary": _summary(run, facts),
        "findings": findings_of(run),
        "clock": clock(run.timed, seconds_of(run.started), CLOCK_POINTS),
        "charts": [chart.packed(arrays, points) for chart in charts_of(run)],
        "scores": scores_of(run),
        "layers": layers_of(run.of_kind("layers"), arrays),
        "confusion": _confusion(run.last("confusion")),
        "mistakes": _items(run.last("mistakes")),
        "batch": _items(run.last("batch")),
        "architecture": _root(run.last("architecture")),
        "facts": facts,
        "notes": [note["text"] for note in run.of_kind("note") if "text" in note][:MOST_ITEMS],
    }
    return plain({**found, "arrays": arrays.texts})


def findings_of(run: Run) -> list[dict[str, Any]]:
    """What the doctor found: causes, the first one first; what follows is listed in them."""
    records = [r for r in run.of_kind("finding") if isinstance(r.get("finding"), dict)]
    found = [{"step": record.get("step"), **record["finding"]} for record in records]
    follow = {title for each in found for title in _consequences(each)}
    causes = [each for each in found if str(each.get("title")) not in follow]
    return sorted(causes or found, key=_order)


def _consequences(finding: dict[str, Any]) -> list[str]:
    """Titles of what follows from a finding."""
    listed = finding.get("consequences")
    return (
        [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    )


def _order(finding: dict[str, Any]) -> tuple[float, int, float]:
    """The doctor's own order where it gave one, else by severity, then by step."""
    severity = str(finding.get("severity", "note")).lower()
    grave = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    place = number(finding.get("place"))
    return -1 if place is None else place, grave, number(finding.get("step")) or 0.0


def scores_of(run: Run) -> list[dict[str, Any]]:
    """Of each scalar the last value and the best."""
    found = []
    for name, series in {**run.steps, **run.epochs}.items():
        what, part = split_name(name)
        best = series.best(name)
        found.append(
            {
                "name": name,
                "title": f"{part} {what.replace('_', ' ')}".strip().capitalize(),
                "last": finite_or_text(series.arrays()[1][-1]),
                "best": None if best is None else best[0],
                "best_step": None if best is None else best[1],
                "higher": higher_is_better(name),
            }
        )
    return found


def _summary(run: Run, facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """The few facts at the top."""
    steps = [s.steps[-1] for s in (*run.steps.values(), *run.epochs.values())]
    epochs = [r.get("epoch") for r in run.of_kind("scalars") if r.get("epoch_end")]
    rows: list[tuple[str, Any]] = [
        ("Model", facts.get("model")),
        ("Parameters", facts.get("parameters")),
        ("Optimizer", facts.get("optimizer")),
        ("Epochs", epochs[-1] if epochs else None),
        ("Steps", max(steps, default=None)),
        ("Seed", facts.get("seed")),
    ]
    return [(title(name), value) for name, value in rows if value is not None]


def _items(record: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Pictures or rows; what is malformed is left out."""
    items = (record or {}).get("items")
    found = items if isinstance(items, list) else []
    return [item for item in found if isinstance(item, dict)][:MOST_ITEMS]


def _root(record: dict[str, Any] | None) -> dict[str, Any] | None:
    root = (record or {}).get("root")
    return root if isinstance(root, dict) else None


def _confusion(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """Labels and counts, if they are a square table of numbers."""
    counts = (record or {}).get("counts")
    if not isinstance(counts, list) or not 0 < len(counts) <= MOST_CLASSES:
        return None
    rows = [row for row in counts if isinstance(row, list) and len(row) == len(counts)]
    if len(rows) != len(counts) or any(number(n) is None for row in rows for n in row):
        return None
    given = (record or {}).get("labels")
    labels = given if isinstance(given, list) and len(given) == len(counts) else []
    names = [str(label) for label in labels] or [str(n) for n in range(len(counts))]
    return {"labels": names, "counts": counts, "step": (record or {}).get("step")}
