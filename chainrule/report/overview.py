"""Overview: the little of a run that a comparison needs, read quickly."""

from __future__ import annotations

import re
from pathlib import Path

from chainrule.journal.reading import Record, read_lines, read_records
from chainrule.report.run import Run, complete_run

#: lines that are read of every run: all but the long ones and the scalars of single steps
SHORT = re.compile(
    rb'\{"kind":"(?:(?!scalars"|layers"|batch"|mistakes"|confusion"|architecture")'
    rb'|scalars","step":\d+,"epoch":\d+,"epoch_end":true)'
)
STEP = b'{"kind":"scalars"'


def read_overview(path: Path, most_steps: int) -> Run:
    """Read the configuration, the findings, all epochs, and so many steps, evenly chosen.

    Raises: RunError as read_run does.
    """

    def read(file: Path) -> list[Record]:
        return read_records(file, _few(read_lines(file), most_steps))

    return complete_run(path, read)


def _few(lines: list[bytes], most_steps: int) -> list[bytes]:
    """The lines that matter for an overview, the last step among them."""
    matches = list(map(SHORT.match, lines))  # the line of most work: a run has thousands
    kept = [place for place, match in enumerate(matches) if match]
    others = [place for place, match in enumerate(matches) if not match]
    every = max(1, -(-len(others) // most_steps))
    last = next((p for p in reversed(others) if lines[p].startswith(STEP)), None)
    steps = {p for p in others[::-every] if lines[p].startswith(STEP)}
    return [
        lines[place] for place in sorted({*kept, *steps, *([] if last is None else [last])})
    ]
