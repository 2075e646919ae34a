"""Export: the numbers of a run for other programs, as CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

from chainrule.files import write_text
from chainrule.journal.plain import json_line
from chainrule.report.run import Run


def write_csv(run: Run, path: str | os.PathLike) -> None:
    """One line per step, one column per name; an epoch's own line says which epoch ended.

    Raises: RunError (CR803) where it cannot be written.
    """
    rows = rows_of(run)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["step", "epoch", *names[2:]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_jsonl(run: Run, path: str | os.PathLike) -> None:
    """As write_csv, one JSON object per line.

    Raises: RunError (CR803) where it cannot be written.
    """
    found = ({n: v for n, v in row.items() if v != ""} for row in rows_of(run))
    write_text(path, "".join(json_line(row) + "\n" for row in found))


def rows_of(run: Run) -> list[dict[str, Any]]:
    """The scalars as rows of a table, all of them and not thinned."""
    return [
        {"step": record.get("step", 0), "epoch": _epoch(record), **record["values"]}
        for record in run.of_kind("scalars")
        if isinstance(record.get("values"), dict)
    ]


def _epoch(record: dict[str, Any]) -> Any:
    """The epoch that ended here; nothing for a step inside one."""
    return record.get("epoch", "") if record.get("epoch_end") else ""
