"""Journal: records of a training, appended one by one."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from chainrule.errors import PAGES, ChainruleError, RunError
from chainrule.files import make_folder
from chainrule.journal.plain import json_line
from chainrule.journal.reading import JOURNAL, VERSION, check_header

OWN = str(PAGES.parent)  # where the files of chainrule lie


class Journal:
    """Appends records to `journal.jsonl` in a run folder, each as one line of JSON.

    Args:
        folder: the run folder; it is made where it is missing. A journal that is there
            already is added to.
        failing: is told the error when a record cannot be written, as on a full disk; the
            journal ends there, and what writes it goes on. By default the error is raised.

    Raises: RunError for a folder or file that cannot be written (CR803), or a journal.jsonl
        that is something else (CR822) or of a newer version (CR823).

    Notes: a record is handed to the system whole, so that a crash costs at most the line it
        happens in, and two writers do not mix their lines. Numbers that are not finite are
        written as "nan", "inf" and "-inf".

    Example:
        >>> from chainrule.journal import read_journal
        >>> with Journal("run") as journal:
        ...     journal.scalars(1, {"train_loss": 2.3, "learning_rate": 0.1})
        >>> [record["kind"] for record in read_journal("run")]
        ['journal', 'scalars']
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        failing: Callable[[ChainruleError], object] | None = None,
    ) -> None:
        self._failing: Callable[[ChainruleError], object] | None = None
        self.path = make_folder(folder) / JOURNAL
        self.has_ended = False  # as nothing could be written any more
        self.is_new = not self.path.exists() or self.path.stat().st_size == 0
        if not self.is_new:
            check_header(self.path)
        try:
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        self._torn = not self.is_new and not _ends_with_a_line(self.path)
        if self.is_new:
            started = datetime.now(UTC).isoformat(timespec="seconds")
            self.write("journal", version=VERSION, started=started)
        self._failing = failing  # from here on: a folder that is of no use is an error

    def scalars(
        self,
        step: int,
        values: Mapping[str, Any],
        epoch: int | None = None,
        epoch_end: bool = False,
    ) -> None:
        """Numbers of one step, by name; with `epoch_end` those of a whole epoch."""
        where: dict[str, Any] = {} if epoch is None else {"epoch": epoch}
        if epoch_end:
            where["epoch_end"] = True
        self.write("scalars", step=step, **where, time=round(time.time(), 3), values=values)

    def layers(self, step: int, layers: Mapping[str, Mapping[str, Any]]) -> None:
        """What was seen of the layers in one step: by layer, then by quantity."""
        self.write("layers", step=step, layers=layers)

    def finding(self, step: int, finding: Mapping[str, Any]) -> None:
        """What the doctor found in one step."""
        self.write("finding", step=step, finding=finding)

    def write(self, kind: str, **content: Any) -> None:
        """A record of any kind; a reader skips the kinds that it does not know."""
        self._append(json_line({"kind": kind, **content}).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        """Write all of a line, after the end of one that a crash or a full disk cut short."""
        if self.has_ended:
            return
        rest = b"\n" + line if self._torn else line
        self._torn = True
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            failure = _unwritable(self.path, error)
            if self._failing is None:
                raise failure from None
            self.has_ended = True
            self._failing(failure)
            return
        self._torn = False

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def warn_of_loss(failure: ChainruleError) -> None:
    """Warn that a report lacks something, at the line of the program that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OWN):
        frame, level = frame.f_back, level + 1
    warnings.warn(f"the report is incomplete: {failure}", stacklevel=level)


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        "CR803",
        f"cannot write {path}: {error.strerror or error}. What it holds already is unharmed; "
        "choose a folder that can be written, or free some space",
    )
