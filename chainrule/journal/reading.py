"""Reading a journal, also one on which a crash or a full disk has left its marks."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from chainrule.errors import RunError

JOURNAL = "journal.jsonl"
VERSION = 1
STRETCH = 500  # lines that are read in one go

Record = dict[str, Any]


def read_journal(path: str | os.PathLike) -> list[Record]:
    """The records of a journal, in their order; those that were superseded are left out.

    Args:
        path: the run folder, or the journal itself.

    Raises: RunError for a journal that is not there or is empty (CR821), a file that is none
        (CR822), or one of a newer version (CR823).

    Notes: lines that are damaged or half-written are skipped. A training that goes on from a
        checkpoint writes {"kind": "resumed", "step": s}: what stood there of later steps did
        not happen; with s = 0 it begins anew, and nothing that stood there did. Records of the
        same kind and step are one record, in which the later values win. Steps that are not
        whole numbers count as damage.
    """
    file = journal_path(path)
    return read_records(file, read_lines(file))


def read_records(file: Path, lines: Sequence[bytes]) -> list[Record]:
    """The records in the lines of a journal, the first of which is its header.

    Raises: RunError as read_journal does.
    """
    _check(file, lines[0] if lines else b"")
    return list(_in_force(_records(lines)))


def journal_path(path: str | os.PathLike) -> Path:
    """The journal of a run folder; a path that is no folder is the journal itself."""
    return Path(path, JOURNAL) if os.path.isdir(path) else Path(path)


def check_header(path: Path) -> None:
    """Make sure that a file is a journal which this version can read and go on with.

    Raises: RunError as read_journal does.
    """
    try:
        with path.open("rb") as file:
            first = file.readline()
    except OSError as error:
        raise unreadable(path, error) from None
    _check(path, first)


def read_lines(path: Path) -> list[bytes]:
    """The lines of a journal that are not empty.

    Raises: RunError (CR821) for a file that is not there.
    """
    try:
        return [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise unreadable(path, error) from None


def _check(path: Path, first: bytes) -> None:
    if not first.strip():
        raise _missing(path, "it is empty")
    header = _json(first)
    if not _is_record(header) or header["kind"] != "journal":
        raise RunError(
            "CR822",
            f"{path} is not a journal: its first line is not that of one. Name a folder in "
            "which a training has left its journal.jsonl, and keep other files out of it",
        )
    if header.get("version") != VERSION:
        raise RunError(
            "CR823",
            f"{path} is a journal of version {header.get('version')!r}, and this chainrule "
            f"reads version {VERSION}; read it with the chainrule that wrote it",
        )


def unreadable(path: str | os.PathLike, error: OSError) -> RunError:
    """The error for a journal that is not there, or that may not be read."""
    why = error.strerror or str(error)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return _missing(path, why)
    return RunError(
        "CR821",
        f"cannot read {path}: {why}. Make it readable, or name the folder of another run",
    )


def _missing(path: str | os.PathLike, why: str) -> RunError:
    return RunError(
        "CR821",
        f"there is no journal to read in {path}: {why}. Name the folder of a run that has "
        "trained for at least a step",
    )


def _records(lines: Sequence[bytes]) -> Iterator[Record]:
    """The records in lines; those that are damaged are left out."""
    stretches = (lines[i : i + STRETCH] for i in range(0, len(lines), STRETCH))
    found = itertools.chain.from_iterable(map(_parsed, stretches))
    return (record for record in found if _is_record(record))


def _parsed(lines: Sequence[bytes]) -> list[Any]:
    """What the lines say: in one go, which is quicker, or one by one where one is damaged."""
    try:
        found = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        return list(map(_json, lines))
    return found if len(found) == len(lines) else list(map(_json, lines))


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_record(value: Any) -> bool:
    """Whether it is a dict with a kind, and a step that is a whole number if it has one."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("kind"), str)
        and type(value.get("step", 0)) is int
    )


def _in_force(records: Iterable[Record]) -> Iterable[Record]:
    """Without what was superseded; of one step and kind, one record."""
    kept: dict[Any, Record] = {}
    for record in records:
        if record["kind"] == "resumed":
            step = record.get("step", 0) or -1  # of what began anew, no step is left
            kept = {key: old for key, old in kept.items() if _until(old) <= step}
        key = _key(record)
        kept[key] = _joined(kept[key], record) if key in kept else record
    return kept.values()


def _until(record: Record) -> int:
    """The step of a record; what belongs to the file itself outlasts all steps."""
    return -1 if record["kind"] == "journal" else record.get("step", 0)


def _key(record: Record) -> Any:
    """What tells a record from others: its kind and step, and more where a step has several."""
    where = record["kind"], record.get("step")
    if record["kind"] == "finding" and isinstance(record.get("finding"), dict):
        found = record["finding"]
        return *where, str(found.get("code")), str(found.get("layer"))
    return (*where, bool(record.get("epoch_end")), str(record.get("text")))


def _joined(old: Record, new: Record) -> Record:
    """Two records of one step: all of both, the new one's where both say something."""
    joined = {**old, **new}
    for part in ("values", "layers"):
        if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
            joined[part] = {**old[part], **new[part]}
    return joined
