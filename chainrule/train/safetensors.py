"""The safetensors format: named arrays in one file, with nothing in it that could run.

Layout: the length of the header (8 bytes, little-endian), the header (JSON: of each array the
element type, shape, and where its bytes begin and end; texts under "__metadata__"), the bytes.
Written out here because the format's own package has no bfloat16 for NumPy; the tests hold
both against each other.
Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from chainrule import dtypes
from chainrule.errors import RunError

NAMES = {
    dtypes.bool_.numpy: "BOOL", dtypes.uint8.numpy: "U8", dtypes.int8.numpy: "I8",
    dtypes.int16.numpy: "I16", dtypes.int32.numpy: "I32", dtypes.int64.numpy: "I64",
    dtypes.float16.numpy: "F16", dtypes.bfloat16.numpy: "BF16", dtypes.float32.numpy: "F32",
    dtypes.float64.numpy: "F64",
}  # fmt: skip
TYPES = {name: kind for kind, name in NAMES.items()}
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
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise RunError("CR804", f"cannot read {path}: {error.strerror or error}") from None
    try:
        header, data = _header(content)
        metadata = header.pop("__metadata__", {})
        return {name: _array(data, entry) for name, entry in header.items()}, metadata
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError("CR804", f"{path} {_what_it_is(content)} ({error})") from None


def _header(content: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    end = 8 + int.from_bytes(content[:8].tobytes(), "little")
    if len(content) < 8 or end > len(content):
        raise ValueError(f"a header of {end - 8} bytes in a file of {len(content)}")
    return json.loads(content[8:end].tobytes()), content[end:]


def _array(data: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """The array that an entry of the header describes, if it lies within the data."""
    if entry["dtype"] not in TYPES:
        raise ValueError(f"element type {entry['dtype']} is not known here")
    kind, shape = TYPES[entry["dtype"]], tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    sizes_fit = end - begin == math.prod(shape) * kind.itemsize and min(shape, default=0) >= 0
    if not sizes_fit or not 0 <= begin <= end <= len(data):
        raise ValueError(f"shape {shape} in bytes {begin} to {end} of {len(data)}")
    return data[begin:end].view(kind).reshape(shape)


def _what_it_is(content: np.ndarray) -> str:
    start = content[:4].tobytes()
    if start == b"PK\3\4" or start[:1] == b"\x80":
        return (
            "is a PyTorch file, a pickle that could run anything; chainrule reads safetensors. "
            "In PyTorch, convert it: safetensors.torch.save_file(model.state_dict(), path)"
        )
    return "is not a safetensors file, or was cut or damaged; use another copy of it"
