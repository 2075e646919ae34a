"""A file that is read part by part, and whose word on sizes is not taken."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from chainrule.errors import ChainruleError, MissingFileError, RunError

LONGEST_LINE = 200  # bytes
#: what reading a damaged file may raise
DAMAGE = (ValueError, TypeError, LookupError, OverflowError, struct.error, RecursionError)


class InputFile:
    """The bytes of a file in order; to ask for more than there are raises ValueError.

    The asking comes first and the memory after, so that a file that lies about sizes costs no
    more than its own length.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.kind = "safetensors"  # what the file is taken for, for the message
        self.size = file.seek(0, os.SEEK_END)
        self.seek(0)

    def seek(self, at: int) -> None:
        """Go on at a position."""
        if not 0 <= at <= self.size:
            raise ValueError(f"byte {at} of {self.size} is asked for")
        self._file.seek(at)
        self.left = self.size - at

    def take(self, n: int) -> bytes:
        """The next n bytes."""
        self._ask(n)
        content = self._file.read(n)
        if len(content) != n:
            raise ValueError("it became shorter while it was read")
        return content

    def fill(self, array: np.ndarray) -> np.ndarray:
        """`array`, which is contiguous, with the next bytes as its elements."""
        self._ask(array.nbytes)
        whole = as_bytes(array)
        if self._file.readinto(whole) != array.nbytes:  # type: ignore[attr-defined]
            raise ValueError("it became shorter while it was read")
        return array

    def line(self) -> bytes:
        """The next line, without its end."""
        line = self._file.readline(LONGEST_LINE)
        self.left -= len(line)
        if not line.endswith(b"\n"):
            raise ValueError("a line does not end")
        return line[:-1]

    def numbers(self, layout: str) -> tuple[int, ...]:
        """The next bytes as numbers, as the module struct describes them."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def _ask(self, n: int) -> None:
        if not 0 <= n <= self.left:
            raise ValueError(f"{n} bytes are announced, {self.left} follow")
        self.left -= n


def as_bytes(array: np.ndarray) -> memoryview:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8).data


@contextlib.contextmanager
def opened(f: str | os.PathLike | BinaryIO) -> Iterator[InputFile]:
    """The file of a path, or one that is open already, from where it stands.

    Raises: RunError (CR804) for one that is missing, and for what reading it finds wrong.
    """
    name = "the file" if hasattr(f, "read") else str(f)
    with contextlib.ExitStack() as stack:
        try:
            content: BinaryIO = (
                io.BytesIO(f.read()) if hasattr(f, "read")
                else stack.enter_context(Path(f).open("rb"))
            )  # fmt: skip
            file = InputFile(content, name)
            yield file
        except OSError as error:
            kind = MissingFileError if isinstance(error, FileNotFoundError) else RunError
            raise kind("CR804", f"cannot read {name}: {error.strerror or error}") from None
        except RunError:
            raise
        except (ChainruleError, *DAMAGE) as error:
            raise RunError(
                "CR804",
                f"{name} is not a {file.kind} file, or was cut or damaged ({error}); use "
                "another copy of it",
            ) from None
