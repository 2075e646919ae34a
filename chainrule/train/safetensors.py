"""The safetensors format: named arrays in one file, with nothing in it that could run.

Layout: the length of the header (8 bytes, little-endian), the header (JSON: of each array the
element type, shape, and where its bytes begin and end; texts under "__metadata__"), the bytes.
The bytes of the arrays follow one another without a gap, from the end of the header to the end
of the file. Written out here because the format's own package has no bfloat16 for NumPy; the
tests hold both against each other.
Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from chainrule import dtypes
from chainrule.errors import RunError
from chainrule.train.input_file import InputFile, opened

NAMES = {
    dtypes.bool_.numpy: "BOOL", dtypes.uint8.numpy: "U8", dtypes.int8.numpy: "I8",
    dtypes.int16.numpy: "I16", dtypes.int32.numpy: "I32", dtypes.int64.numpy: "I64",
    dtypes.float16.numpy: "F16", dtypes.bfloat16.numpy: "BF16", dtypes.float32.numpy: "F32",
    dtypes.float64.numpy: "F64",
}  # fmt: skip
TYPES = {name: kind for kind, name in NAMES.items()}
#: element types of the format that chainrule has not
ABSENT = {
    "F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
    "U16", "U32", "U64", "C64",
}  # fmt: skip
LARGEST_HEADER = 100_000_000  # bytes, as in the format's own library
MOST_DIGITS = 18  # of a size: it fits into 64 bits
ALIGNMENT = 8  # the header is filled up with spaces to a multiple of so many bytes


def write_arrays(
    file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write named arrays, wide elements first, so that each is aligned in memory."""
    ordered = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, array in ordered:
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
    for _, array in ordered:
        file.write(np.ascontiguousarray(array).tobytes())


def read_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The named arrays of a file and its metadata.

    Raises: RunError (CR804) for a file that is missing, of another kind, or damaged.
    """
    with opened(path) as file:
        return read_safetensors(file)


def read_safetensors(file: InputFile) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The named arrays of an open file and its metadata.

    Raises: ValueError or TypeError for a file that is damaged; RunError (CR804) for element
        types that chainrule has not.
    """
    header = _header(file)
    metadata = _metadata(header.pop("__metadata__", None))
    entries = [_entry(file, name, content) for name, content in header.items()]
    arrays, end = {}, 0
    for entry in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != end:
            raise ValueError(f"{entry.name[:100]!r} does not begin where the one before ends")
        end = entry.end
        arrays[entry.name] = _array(file, entry)
    if file.left:
        raise ValueError(f"{file.left} bytes at the end belong to no array")
    return {name: arrays[name] for name in header}, metadata


class Entry(NamedTuple):
    """What the header says of an array: from where to where its bytes are, after the header."""

    name: str
    kind: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def _header(file: InputFile) -> dict[str, Any]:
    (size,) = file.numbers("<Q")
    if size > LARGEST_HEADER:
        raise ValueError(f"a header of {size} bytes, where {LARGEST_HEADER} are the most")
    header = json.loads(
        file.take(size).decode("utf-8"),
        object_pairs_hook=_distinct,
        parse_int=_whole,
        parse_constant=_whole,
    )
    if not isinstance(header, dict):
        raise ValueError("the header is no dict")
    return header


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of texts that occur once, and can be written."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the header has a name twice")
    for text in (part for pair in pairs for part in pair if isinstance(part, str)):
        text.encode("utf-8")  # raises for half of a character
    return found


def _whole(digits: str) -> int:
    if not digits.isdigit() or len(digits) > MOST_DIGITS:
        raise ValueError(f"{digits[:20]} is no size")
    return int(digits)


def _metadata(given: Any) -> dict[str, str]:
    found = {} if given is None else given
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise ValueError("the metadata is no dict of texts")
    return found


def _entry(file: InputFile, name: str, content: Any) -> Entry:
    """What the header says of an array, if it can be so."""
    if not isinstance(content, dict) or content.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name[:100]!r} is not described by dtype, shape and data_offsets")
    kind, shape, offsets = content["dtype"], content["shape"], content["data_offsets"]
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"the shape or the offsets of {name[:100]!r} are no numbers")
    if isinstance(kind, str) and kind in ABSENT:
        raise RunError(
            "CR804",
            f"{file.name}: {name[:100]!r} has elements of type {kind}, which chainrule has "
            f"not. Convert them to one of {', '.join(TYPES)} and save the file again",
        )
    if not isinstance(kind, str) or kind not in TYPES:
        raise ValueError(f"the element type of {name[:100]!r} is not known")
    entry = Entry(name, TYPES[kind], tuple(shape), *offsets)
    size = math.prod(entry.shape) * entry.kind.itemsize
    if entry.end - entry.begin != size or entry.end > file.left:
        raise ValueError(
            f"{name[:100]!r} has shape {entry.shape} in bytes {entry.begin} to {entry.end} "
            f"of {file.left}"
        )
    return entry


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(n) is int for n in values)


def _array(file: InputFile, entry: Entry) -> np.ndarray:
    """The array whose bytes come next; any byte but 0 is True."""
    array = file.fill(np.empty(entry.shape, entry.kind))
    return array.view(np.uint8) != 0 if array.dtype == np.bool_ else array
