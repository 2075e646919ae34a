"""TensorBoard's event files: records of protocol-buffer messages, each with its checksums.

A record is `length (8 bytes) · checksum of these (4) · message · checksum of it (4)`. A message
is a run of fields, each `number · 8 + kind` and a value; a message in a message is a field of
bytes. That is the whole format, and its numbers are fixed for good, so it is written here:
TensorBoard, which brings gRPC and a web server, is needed only where files are looked at.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
import weakref
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, RunError
from chainrule.files import make_folder

VERSION = "brain.Event:2"  # the first record of every file
POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
SESSION_START = 1

_files = count()  # made by this process: a part of their names


def message(fields: dict[int, Any]) -> bytes:
    """Fields by number as a protocol-buffer message; None is left out, a list repeats.

    A bool or int is a varint, a float 8 bytes, a numpy.float32 4 bytes, text and bytes (other
    messages too) have their length in front, an array is packed numbers.

    Example:
        >>> message({1: 150, 2: "ab"})
        b'\\x08\\x96\\x01\\x12\\x02ab'
    """
    return b"".join(
        _field(number, value)
        for number, values in fields.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    )


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, np.float32):
        return _varint(number << 3 | 5) + value.tobytes()
    if isinstance(value, float):
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, np.ndarray):
        value = value.astype(value.dtype.newbyteorder("<")).tobytes()
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    rest = value & (2**64 - 1)  # negative numbers as two's complement
    found = bytearray()
    while rest > 127:
        found.append(rest & 127 | 128)
        rest >>= 7
    found.append(rest)
    return bytes(found)


def _checksums_of_bytes() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ POLYNOMIAL * (value & 1)
        found.append(value)
    return tuple(found)


_OF_BYTE = _checksums_of_bytes()


def checksum(content: bytes) -> int:
    """CRC-32C, turned and shifted as records want it, so that one of a checksum is no zero."""
    value, of_byte = 0xFFFFFFFF, _OF_BYTE
    for byte in content:
        value = of_byte[(value ^ byte) & 255] ^ value >> 8
    value ^= 0xFFFFFFFF
    return (value >> 15 | value << 17) + 0xA282EAD8 & 0xFFFFFFFF


def record(content: bytes) -> bytes:
    """A message with its length and checksums."""
    length = struct.pack("<Q", len(content))
    return b"".join(
        (
            length,
            struct.pack("<I", checksum(length)),
            content,
            struct.pack("<I", checksum(content)),
        )
    )


class EventFile:
    """One event file, to which records are appended, each in one write.

    Args: folder: is made if need be; suffix: of the file's name; purge_step: hide what earlier
    files of the folder have of this step and later ones.

    Raises: ArgumentError (CR852) for a folder that is no local one; RunError (CR803) where it
    cannot be written.

    Notes: nothing is held back, so TensorBoard sees at once what was written, and a process
    that is killed loses nothing. Threads may write at the same time.
    """

    def __init__(
        self, folder: str | os.PathLike, suffix: str = "", purge_step: int | None = None
    ) -> None:
        if "://" in os.fspath(folder):
            raise ArgumentError(
                "CR852",
                f"event files are written to local folders, got {os.fspath(folder)}; write to "
                "a folder here, and copy or mount it",
            )
        now = time.time()
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}"
        self.path = make_folder(folder) / f"{name}.{os.getpid()}.{next(_files)}{suffix}"
        self._lock = threading.Lock()
        self._file = self._open()
        self._end = weakref.finalize(self, self._file.close)  # for those who forget close()
        self._write(message({1: now, 3: VERSION}))
        if purge_step is not None:
            start = message({1: SESSION_START})
            self._write(message({1: now, 2: purge_step, 3: VERSION}))
            self._write(message({1: now, 2: purge_step, 7: start}))

    def add(self, summary: bytes, step: Any = None, walltime: float | None = None) -> None:
        """Append a summary of a step, with the time of day in seconds."""
        self.add_event({5: summary}, step, walltime)

    def add_event(self, content: dict[int, Any], step: Any, walltime: float | None) -> None:
        """Append an event with any content, by field number."""
        now = time.time() if walltime is None else float(walltime)
        self._write(message({1: now, 2: None if step is None else int(step), **content}))

    def close(self) -> None:
        """No more is written."""
        with self._lock:
            self._end()

    def _open(self) -> Any:
        try:
            return Path(self.path).open("ab", buffering=0)
        except OSError as error:
            raise self._failure(error) from None

    def _write(self, content: bytes) -> None:
        rest = record(content)
        try:
            with self._lock:
                while rest:
                    rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> RunError:
        return RunError(
            "CR803",
            f"cannot write {self.path}: {error.strerror or error}. Choose a folder that can be "
            "written, or free some space",
        )
