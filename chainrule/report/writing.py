"""Writing a report: from a run folder to one page that opens anywhere."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.report.content import content_of
from chainrule.report.page import write_page
from chainrule.report.run import Run, read_run

REPORT = "report.html"


def write_report(run: str | os.PathLike | Run, out: str | os.PathLike | None = None) -> Path:
    """Write the report of a run as one page, which needs no server and no network.

    Args:
        run: the run folder, the journal in it, or what read_run has read of it.
        out: the page; `report.html` in the run folder if None.

    Raises: RunError for a run that cannot be read (CR821 to CR823), or a page that cannot be
        written (CR803).

    Example:
        >>> from chainrule.journal import Journal
        >>> with Journal("run") as journal:
        ...     for step in range(3):
        ...         journal.scalars(step, {"train_loss": 1 / (1 + step)})
        >>> write_report("run").name
        'report.html'
    """
    found = run if isinstance(run, Run) else read_run(run)
    path = found.folder / REPORT if out is None else Path(out)
    write_page(content_of(found), f"{found.name}: report", path)
    return path
