"""The history as a table of comma-separated values."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.files import write_text
from chainrule.train.callback import Callback

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


class CSVLog(Callback):
    """Writes the history as CSV, a row for each epoch, for spreadsheets and data frames.

    Notes: the columns are the scores of all epochs, so the file is written as a whole; a score
    that an epoch does not have is empty, one that is not a number is "nan". A resumed training
    has the rows of its earlier epochs.

    Example:
        >>> log = CSVLog("history.csv")
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def training_begins(self, trainer: Trainer) -> None:
        """Start with the epochs that are done; a resumed training has some."""
        columns = {name: None for record in trainer.history for name in record}
        table = io.StringIO()
        if columns:
            rows = csv.DictWriter(table, list(columns), lineterminator="\n")
            rows.writeheader()
            rows.writerows(trainer.history)
        write_text(self.path, table.getvalue())

    epoch_ends = training_begins
