"""Writing files so that a crash, a full disk or Ctrl-C never leaves half of one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import RunError


def write_file(path: str | os.PathLike, write: Callable[[BinaryIO], object]) -> None:
    """Let `write(file)` write to a temporary file beside `path`, which then takes its name.

    Notes: the bytes are on the disk (fsync) before the name changes hands, so `path` holds the
    old content or the new content, whatever happens.

    Raises: RunError (CR803) where the folder cannot be written or the disk is full.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        try:
            with beside.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            "CR803",
            f"cannot write {target}: {error.strerror or error}. What stood there before is "
            "unharmed; choose a folder that can be written, or free some space",
        ) from None


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file as a whole, as write_file does."""
    write_file(path, lambda file: file.write(text.encode("utf-8")))


def make_folder(path: str | os.PathLike, *, new: bool = False) -> Path:
    """Make a folder and those above it; `new` demands that it was not there.

    Raises: RunError (CR803) where that is not allowed; FileExistsError for `new`.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=not new)
    except FileExistsError:
        if new:
            raise
        raise RunError(
            "CR803", f"cannot make the folder {path}: a file of that name is in the way"
        ) from None
    except OSError as error:
        raise RunError(
            "CR803",
            f"cannot make the folder {path}: {error.strerror or error}. Choose a place that "
            "can be written",
        ) from None
    return Path(path)
