"""Folders of checkpoints: each one complete, or not there at all.

A checkpoint is a folder named after its number and step, such as `000003-step-120`, with
`tensors.safetensors` and `state.json`, which says how the values are nested. It is written
under a name that begins with a dot, and gets its own when all of it is on the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from chainrule.errors import MissingFileError, RunError
from chainrule.files import make_folder, write_file, write_text
from chainrule.train.packing import pack, unpack
from chainrule.train.safetensors import read_arrays, write_arrays

TENSORS, VALUES = "tensors.safetensors", "state.json"
NAME = re.compile(r"(\d{6,})-step-\d+")
UNFINISHED = re.compile(r"\.(writing|removing)-")


def checkpoints(folder: str | os.PathLike) -> list[Path]:
    """The complete checkpoints in a folder, the latest last."""
    found = [(int(m[1]), path) for path in _entries(folder) if (m := NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def next_path(folder: str | os.PathLike, step: int) -> Path:
    """Where the next checkpoint goes: its number is above all that are there."""
    numbers = [int(path.name.partition("-")[0]) for path in checkpoints(folder)]
    return Path(folder) / f"{max(numbers, default=0) + 1:06d}-step-{step}"


def step_of(path: Path) -> int:
    """The step at which a checkpoint was written."""
    return int(path.name.rpartition("-")[2])


def save_checkpoint(state: Any, path: str | os.PathLike) -> None:
    """Write a state as a folder that appears when it is complete, and only then.

    Raises: RunError (CR803) where it cannot be written; what was there before is unharmed.
    """
    target = Path(path)
    values, arrays = pack(state)
    beside = target.with_name(f".writing-{os.getpid()}-{target.name}")
    try:
        make_folder(beside)
        write_file(beside / TENSORS, lambda file: write_arrays(file, arrays, {}))
        write_text(beside / VALUES, json.dumps(values))
        _to_disk(beside)
        os.rename(beside, target)
        _to_disk(target.parent)
    except OSError as error:
        raise RunError(
            "CR803",
            f"cannot write the checkpoint {target}: {error.strerror or error}. Earlier ones "
            "are unharmed; choose a folder that can be written, or free some space",
        ) from None
    except RunError as error:  # about a file in it
        message = error.message.replace(str(beside), str(target))
        raise RunError(error.code, message) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load_checkpoint(path: str | os.PathLike) -> Any:
    """The state that save_checkpoint() wrote.

    Raises: RunError (CR804) for a checkpoint that is missing or damaged.
    """
    folder = Path(path)
    arrays, _ = read_arrays(folder / TENSORS)
    try:
        return unpack(json.loads((folder / VALUES).read_text("utf-8")), arrays)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        kind = MissingFileError if isinstance(error, FileNotFoundError) else RunError
        raise kind(
            "CR804",
            f"the checkpoint {folder} was damaged: {VALUES} cannot be read or does not fit "
            f"{TENSORS} ({error}); go on from an earlier checkpoint beside it",
        ) from None


def keep_only(folder: str | os.PathLike, kept: Collection[Path | None]) -> None:
    """Remove the other checkpoints, and what an interrupted writing or removing left."""
    with contextlib.suppress(OSError):  # what cannot be removed now may be the next time
        for path in checkpoints(folder):
            if path not in kept:
                os.rename(path, path.with_name(f".removing-{path.name}"))
    for path in _entries(folder):
        if UNFINISHED.match(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _entries(folder: str | os.PathLike) -> list[Path]:
    return list(Path(folder).iterdir()) if Path(folder).is_dir() else []


def _to_disk(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can say so."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
