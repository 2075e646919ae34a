"""Writing files so that a crash, a full disk or Ctrl-C never leaves half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
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
    beside = None
    try:
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, target)
    except OSError as error:
        raise RunError(
            "CR803",
            f"cannot write {target}: {error.strerror or error}. What stood there before is "
            "unharmed; choose a folder that can be written, or free some space",
        ) from None
    finally:
        if beside is not None:
            with contextlib.suppress(OSError):
                os.unlink(beside)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file as a whole, as write_file does."""
    write_file(path, lambda file: file.write(text.encode("utf-8")))


def _umask() -> int:
    """The permissions that new files do not get, read the only way there is."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
