"""The records of a zip file that stores them as they are, as PyTorch writes it.

A zip file ends in a directory that says of each record its name, size, checksum, and where it
begins. Nothing is unpacked: a record that was compressed could swell to any size.
Source: PKWARE, .ZIP File Format Specification 6.3.10, sections 4.3 and 4.5.3
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import NamedTuple

import numpy as np

from chainrule.train.input_file import InputFile, as_bytes

LOCAL, ENTRY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
WIDE_END, WIDE_END_PLACE = b"PK\6\6", b"PK\6\7"
LONGEST_END = 22 + 0xFFFF  # bytes, with the comment behind it
IN_EXTRA = 0xFFFFFFFF  # the number needs 64 bits and stands among the extra fields
WIDE_NUMBERS = 1  # the extra field that has it


class Record(NamedTuple):
    """Where a record is."""

    name: str
    size: int
    checksum: int
    method: int
    begin: int


class ZipRecords:
    """The records of a zip file by name.

    Raises: ValueError for a directory that is missing, or does not fit the file.
    """

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._records: dict[str, Record] = {}
        for record in _directory(file):
            if record.name in self._records:
                raise ValueError(f"two records are called {record.name[:100]!r}")
            self._records[record.name] = record
        if sum(record.size for record in self._records.values()) > file.size:
            raise ValueError("its records are larger than the file")

    @property
    def names(self) -> list[str]:
        return list(self._records)

    def read(self, name: str) -> bytes:
        """The bytes of a record."""
        return self.fill(name, np.empty(self._find(name).size, np.uint8)).tobytes()

    def size(self, name: str) -> int:
        """How many bytes a record has."""
        return self._find(name).size

    def fill(self, name: str, array: np.ndarray) -> np.ndarray:
        """`array` with the bytes of a record, which are as many as it has.

        Notes: PyTorch writes 0 for a checksum when it is told to make none.
        """
        record = self._find(name)
        if array.nbytes != record.size:
            raise ValueError(f"{name[:100]!r} has {record.size} bytes, not {array.nbytes}")
        self._go_to(record)
        self._file.fill(array)
        if record.checksum not in (0, zlib.crc32(as_bytes(array))):
            raise ValueError(f"the checksum of {name[:100]!r} is wrong")
        return array

    def _find(self, name: str) -> Record:
        if name not in self._records:
            raise ValueError(f"the record {name[:100]!r} is missing")
        return self._records[name]

    def _go_to(self, record: Record) -> None:
        """Go to the first byte of a record, behind its own header."""
        self._file.seek(record.begin)
        start, flags, method, name, extra = self._file.numbers("<4s2x2H16x2H")
        if start != LOCAL or self._file.take(name) != record.name.encode():
            raise ValueError(f"{record.name[:100]!r} is not where the directory says")
        if flags & 1 or method or record.method:
            raise ValueError(
                f"{record.name[:100]!r} is compressed or encrypted, which PyTorch never does"
            )
        self._file.take(extra)


def _directory(file: InputFile) -> list[Record]:
    n, begin, size = _place_of_directory(file)
    file.seek(begin)
    content = InputFile(io.BytesIO(file.take(size)), file.name)
    return [_entry(content) for _ in range(n)]


def _place_of_directory(file: InputFile) -> tuple[int, int, int]:
    """How many records there are; where the directory begins, and its size."""
    tail_begin = max(0, file.size - LONGEST_END)
    file.seek(tail_begin)
    at = tail_begin + file.take(file.size - tail_begin).rfind(END)
    if at < tail_begin:
        raise ValueError("the directory at the end is missing")
    file.seek(at)
    n, size, begin = file.numbers("<10xH2L2x")
    if at >= 20:
        file.seek(at - 20)
        start, wide_at = file.numbers("<4s4xQ4x")
        if start == WIDE_END_PLACE:
            file.seek(wide_at)
            start, n, size, begin = file.numbers("<4s28x3Q")
            if start != WIDE_END:
                raise ValueError("the directory is not where it should be")
    return n, begin, size


def _entry(content: InputFile) -> Record:
    """The next entry of the directory."""
    start, method, checksum, packed, size, *lengths, begin = content.numbers("<4s6xH4x3L3H8xL")
    if start != ENTRY:
        raise ValueError("an entry of the directory is damaged")
    name, extra, _ = (content.take(n) for n in lengths)
    size, packed, begin = _widened([size, packed, begin], extra)
    if not method and packed != size:
        raise ValueError(f"{size} bytes that are not packed take {packed}")
    return Record(name.decode(), size, checksum, method, begin)


def _widened(numbers: list[int], extra: bytes) -> list[int]:
    """The numbers, those that need 64 bits from where they stand among the extra fields."""
    if IN_EXTRA not in numbers:
        return numbers
    while extra:
        kind, size = struct.unpack_from("<2H", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == WIDE_NUMBERS:
            wide = iter(struct.unpack(f"<{min(len(content) // 8, 3)}Q", content[:24]))
            return [next(wide, n) if n == IN_EXTRA else n for n in numbers]
    return numbers
