"""PyTorch files made by hand, whole and malicious ones, without PyTorch."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np


class Name:
    """A global of a pickle, such as torch.FloatStorage, that this program need not have."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """A function that the pickle asks to be called."""

    def __init__(self, function: Name, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class Reference:
    """A persistent id."""

    def __init__(self, *content: Any) -> None:
        self.content = content


class Raw:
    """Instructions as they are."""

    def __init__(self, code: bytes) -> None:
        self.code = code


def written(value: Any) -> bytes:
    """The instructions that put a value on the stack."""
    match value:
        case Raw():
            return value.code
        case Name():
            return f"c{value.module}\n{value.name}\n".encode()
        case Call():
            return written(value.function) + written(value.arguments) + b"R"
        case Reference():
            return written(value.content) + b"Q"
        case OrderedDict():
            return written(Call(Name("collections", "OrderedDict"))) + items(value)
        case dict():
            return b"}" + items(value)
        case list():
            return b"](" + b"".join(map(written, value)) + b"e"
        case tuple():
            return b"(" + b"".join(map(written, value)) + b"t"
    return pickle.dumps(value, 2)[2:-1].split(b"q\0")[0]


def items(value: Mapping[Any, Any]) -> bytes:
    return b"(" + b"".join(written(k) + written(v) for k, v in value.items()) + b"u"


def pickled(value: Any) -> bytes:
    return b"\x80\x02" + written(value) + b"."


def tensor(
    key: str = "0",
    n: Any = 6,
    offset: Any = 0,
    size: Any = (2, 3),
    stride: Any = (3, 1),
    kind: str = "FloatStorage",
    where: str = "cpu",
) -> Call:
    """A tensor on a storage of n elements."""
    storage = Reference("storage", Name("torch", kind), key, where, n)
    hooks = Call(Name("collections", "OrderedDict"))
    return Call(
        Name("torch._utils", "_rebuild_tensor_v2"), storage, offset, size, stride, False, hooks
    )


STORAGE = {"0": np.arange(6, dtype=np.float32).tobytes()}


def zipped(
    value: Any,
    storages: Mapping[str, bytes] = STORAGE,
    others: Mapping[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
) -> bytes:
    """The file of a value, or of the bytes of its pickle."""
    content = value if isinstance(value, bytes) else pickled(value)
    records = {"data.pkl": content, "byteorder": b"little"}
    records |= {f"data/{key}": storage for key, storage in storages.items()}
    records |= {"version": b"3\n", **(others or {})}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, record in records.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), record, method)
    return file.getvalue()


def older(value: Any) -> bytes:
    """The pickle as older files have it: an id says too which part of a storage, or None."""
    return re.sub(b"(?<!t)tQ", b"NtQ", pickled(value))


def in_a_row(value: Any, storages: Mapping[str, bytes] = STORAGE, width: int = 4) -> bytes:
    """The older file of a value, or of the bytes of its pickle."""
    content = value if isinstance(value, bytes) else older(value)
    pickles = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    sizes = [(len(storage) // width).to_bytes(8, "little") for storage in storages.values()]
    return b"".join(
        [
            *(pickle.dumps(p, 2) for p in pickles),
            content,
            pickle.dumps([*storages], 2),
            *(size + storage for size, storage in zip(sizes, storages.values())),
        ]
    )
