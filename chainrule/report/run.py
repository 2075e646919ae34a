"""Run: what a run folder tells, whether it has a journal or only a history."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chainrule.errors import RunError
from chainrule.journal.reading import Record, journal_path, read_journal, unreadable
from chainrule.report.series import Series, scalar_series

HISTORY = "history.jsonl"
CONFIG = "config.json"
PLACES = ("epoch", "step")  # in a line of the history: where, not what


@dataclass(frozen=True)
class Run:
    """A run: its folder and its records.

    steps     the scalars of single steps, by name
    epochs    the scalars of whole epochs, by name
    """

    folder: Path
    records: list[Record]
    steps: dict[str, Series]
    epochs: dict[str, Series]

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    def of_kind(self, kind: str) -> list[Record]:
        """The records of one kind, in their order."""
        return [record for record in self.records if record["kind"] == kind]

    def last(self, kind: str) -> Record | None:
        """The last record of one kind; None where there is none."""
        return next((r for r in reversed(self.records) if r["kind"] == kind), None)

    @property
    def timed(self) -> list[Record]:
        """The records that tell how the time went."""
        return [record for record in self.records if record["kind"] in ("scalars", "resumed")]

    @property
    def facts(self) -> Record:
        """What was written of the run as a whole: configuration, seed, machine, …"""
        found: Record = {}
        for record in self.of_kind("run"):
            found |= {name: value for name, value in record.items() if value is not None}
        found.pop("kind", None)
        return found

    @property
    def started(self) -> str | None:
        """When it began, as the journal says it."""
        for record in self.of_kind("resumed"):
            if not record.get("step") and isinstance(record.get("time"), (int, float)):
                anew = datetime.fromtimestamp(record["time"], UTC)
                return anew.isoformat(timespec="seconds")
        header = self.last("journal") or {}
        started = header.get("started")
        return started if isinstance(started, str) else None

    @property
    def state(self) -> str:
        """How it ended, as far as that is known."""
        end = self.last("end")
        if end is not None and isinstance(end.get("state"), str):
            return end["state"]
        return "running, or ended without a word" if self.last("journal") else "unknown"


def read_run(path: str | os.PathLike) -> Run:
    """Read the run in a folder.

    Raises: RunError as read_journal does; a folder with a history alone is a run too.
    """
    return complete_run(Path(path), read_journal)


def complete_run(path: Path, read: Callable[[Path], list[Record]]) -> Run:
    """The run whose journal is read by `read`, with what else lies in its folder.

    Raises: RunError as read_run does.
    """
    folder = path if os.path.isdir(path) else path.parent
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            "CR821",
            f"there is no run in {path}: there is no such folder. Name the folder of a run, "
            "such as runs/digits-cnn-1",
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        records = read(journal_path(path))
    except RunError as error:
        records = _history(folder / HISTORY) if error.code == "CR821" else []
        if not records:
            raise
    records = [*_config(folder / CONFIG), *records]
    scalars = [record for record in records if record["kind"] == "scalars"]
    return Run(folder, records, *scalar_series(scalars))


def _history(path: Path) -> list[Record]:
    """The epochs of a run that an older version trained, as records of a journal."""
    return [
        {
            "kind": "scalars",
            "step": _whole(epoch.get("step")) or _whole(epoch.get("epoch")) or position,
            "epoch": _whole(epoch.get("epoch")) or position,
            "epoch_end": True,
            "values": {name: v for name, v in epoch.items() if name not in PLACES},
        }
        for position, epoch in enumerate(_json_lines(path), start=1)
    ]


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _json_lines(path: Path) -> list[dict[str, Any]]:
    """The dicts in a file of JSON lines; damaged lines and a missing file give nothing."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found = [_json(line) for line in lines]
    return [each for each in found if isinstance(each, dict)]


def _config(path: Path) -> list[Record]:
    """What config.json says, as the record of the run; nothing where it cannot be read."""
    try:
        content = _json(path.read_bytes())
    except OSError:
        return []
    if not isinstance(content, dict):
        return []
    environment = content.pop("environment", None)
    recipe = content.pop("recipe", None)
    config = {**content, **recipe} if isinstance(recipe, dict) else content
    seed = config.get("seed")
    return [{"kind": "run", "config": config, "environment": environment, "seed": seed}]


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def seconds_of(started: str | None) -> float | None:
    """A time as the journal writes it, in seconds since 1970."""
    try:
        return datetime.fromisoformat(started or "").timestamp()
    except ValueError:
        return None
