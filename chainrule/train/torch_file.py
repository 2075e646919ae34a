"""Reading the files of torch.save: tensors and plain containers, and nothing that could run.

Such a file is a zip file with a pickle, `data.pkl`, and a record for each storage, `data/0`,
that the pickle refers to; before PyTorch 1.6 it was a row of pickles and then the storages.
The pickle is read by a machine without functions (pickle_reader.py), the names in it are looked
up in the table NAMES and nowhere else.
Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import io
import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.device import device
from chainrule.nn.parameter import Parameter
from chainrule.tensor.attributes import Cell
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor
from chainrule.train.input_file import InputFile
from chainrule.train.pickle_reader import Part, PickleReader, checked_key, refusal
from chainrule.train.zip_records import LOCAL, ZipRecords

MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # the first pickle of older files
LONGEST_START = 64  # bytes that tell such a file
PROTOCOL = 1001  # the second
STORAGES = {
    "Bool": dtypes.bool_, "Byte": dtypes.uint8, "Char": dtypes.int8, "Short": dtypes.int16,
    "Int": dtypes.int32, "Long": dtypes.int64, "Half": dtypes.float16,
    "BFloat16": dtypes.bfloat16, "Float": dtypes.float32, "Double": dtypes.float64,
}  # fmt: skip
MOST_REPEATED = 2**28  # elements of a tensor that has more of them than its storage
ABSENT = {
    "torch._utils._rebuild_tensor_v3": "a tensor of an element type that chainrule has not",
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantized tensor",
    "torch.ComplexFloatStorage": "a tensor of complex numbers",
    "torch.ComplexDoubleStorage": "a tensor of complex numbers",
}


class StorageKind(Part):
    """The type of a storage's elements."""

    def __init__(self, name: str, kind: np.dtype) -> None:
        super().__init__(name)
        self.kind = kind


class Storage(Part):
    """Elements in a row, on which tensors lie."""

    def __init__(self, array: np.ndarray) -> None:
        super().__init__("a storage")
        self.array = array
        self.cells: dict[Any, Cell] = {}  # those of the tensors on it, by their places

    def tensor(self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        """The tensor that lies at a place of the storage; the same place is the same memory."""
        tensor = Tensor._of(self._view(offset, size, stride))
        place = (offset, size, stride)  # numbers, now that they have been looked at
        tensor._cell = self.cells.setdefault(place, tensor._cell)
        return tensor

    def _view(self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
        whole = (*size, *stride, offset)
        if any(type(n) is not int or n < 0 for n in whole) or len(size) != len(stride):
            raise ValueError("a tensor with sizes, strides or an offset that are none")
        numel = math.prod(size)
        if not numel:
            return np.empty(size, self.array.dtype)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride))
        if last >= len(self.array):
            raise ValueError(f"a tensor lies outside its storage of {len(self.array)} elements")
        if numel > max(len(self.array), MOST_REPEATED):
            raise ValueError(f"a tensor of more than {MOST_REPEATED:,} elements repeats them")
        width = self.array.itemsize
        steps = [step * width if n > 1 else width for n, step in zip(size, stride)]
        return np.ndarray(size, self.array.dtype, self.array, offset * width, steps)


#: what gives the storage of a kind, a name and a number of elements
Fetch = Callable[[np.dtype, str, int], Storage]


def is_torch_file(start: bytes) -> bool:
    """Whether a file that begins with these bytes is one of torch.save."""
    return start.startswith(LOCAL) or MAGIC in start


def read_torch(file: InputFile, encoding: str = "utf-8") -> Any:
    """What torch.save wrote.

    Raises: RunError (CR820) for objects of other classes, and code; ValueError, TypeError or
    LookupError for a damaged file.
    """
    file.kind = "PyTorch"
    start = file.take(len(LOCAL))
    file.seek(0)
    return (_read_zip if start == LOCAL else _read_row)(file, encoding)


def _read_zip(file: InputFile, encoding: str) -> Any:
    records = ZipRecords(file)
    roots = [name[: -len("/data.pkl")] for name in records.names if name.endswith("/data.pkl")]
    if len(roots) != 1 or f"{roots[0]}/constants.pkl" in records.names:
        what = "a TorchScript program" if roots else "no tensors"
        raise refusal(file, f"{what} (a zip file with {', '.join(records.names)[:100]})")
    fetch = _storages_of_records(records, roots[0])
    content = InputFile(io.BytesIO(records.read(f"{roots[0]}/data.pkl")), file.name)
    return _read_pickle(content, fetch, encoding)


def _storages_of_records(records: ZipRecords, root: str) -> Fetch:
    order = f"{root}/byteorder"
    written = records.read(order).decode() if order in records.names else "little"
    if written not in ("little", "big"):
        raise ValueError("a byte order that is neither little nor big")
    found: dict[str, Storage] = {}

    def fetch(kind: np.dtype, key: str, n: int) -> Storage:
        if key not in found:
            place = f"{root}/data/{key}"
            if n * kind.itemsize != records.size(place):
                raise ValueError(f"{place[:100]!r} has another size than the pickle says")
            array = records.fill(place, np.empty(n, kind))
            if written != sys.byteorder and kind.itemsize > 1:
                array.view(f"u{kind.itemsize}").byteswap(inplace=True)
            found[key] = Storage(_truth(array))
        return found[key]

    return fetch


def _read_row(file: InputFile, encoding: str) -> Any:
    """The older format: four pickles, then the keys and the contents of the storages."""
    magic, protocol, _ = (_read_pickle(file, _no_storage, encoding) for _ in range(3))
    if magic != int.from_bytes(MAGIC, "little") or protocol != PROTOCOL:
        raise ValueError("it does not begin as such files do")
    waiting: dict[str, Storage] = {}
    budget = file.left

    def fetch(kind: np.dtype, key: str, n: int) -> Storage:
        nonlocal budget
        if key not in waiting:
            budget -= n * kind.itemsize
            if n < 0 or budget < 0:
                raise ValueError("its storages are larger than the file")
            waiting[key] = Storage(np.empty(n, kind))
        return waiting[key]

    value = _read_pickle(file, fetch, encoding)
    keys = _read_pickle(file, _no_storage, encoding)
    if type(keys) is not list or set(map(checked_key, keys)) != set(waiting):
        raise ValueError("the storages in it are not those that its tensors need")
    for key in keys:
        array = waiting[key].array
        if file.numbers("<q") != (len(array),):
            raise ValueError(f"storage {key[:100]!r} has another size than the pickle says")
        array[...] = _truth(file.fill(array))
    return value


def _no_storage(kind: np.dtype, key: str, n: int) -> Storage:
    raise ValueError("a storage where none should be")


def _truth(array: np.ndarray) -> np.ndarray:
    """The array; of bools, with True for any byte that is not 0."""
    return array.view(np.uint8) != 0 if array.dtype == np.bool_ else array


def _read_pickle(file: InputFile, fetch: Fetch, encoding: str) -> Any:
    def find(name: str) -> Any:
        if name not in NAMES:
            what = ABSENT.get(name, "an object of another class, or code to be run,")
            raise refusal(file, f"{what} called {name[:100]!r}")
        return NAMES[name]

    def stored(reference: Any) -> Storage:
        """The storage that a persistent id means."""
        match reference:
            case ("storage", StorageKind(kind=kind), str(key), str(), int(n)):
                return _of_kind(fetch(kind, key, n), kind, n)
            case ("storage", StorageKind(kind=kind), str(key), str(), int(n), view):
                return _part(_of_kind(fetch(kind, key, n), kind, n), view)
        raise ValueError("a reference that names no storage")

    return PickleReader(file, find, stored, encoding).read()


def _of_kind(storage: Storage, kind: np.dtype, n: int) -> Storage:
    """The storage, if it is what a second reference to it says."""
    if storage.array.dtype != kind or len(storage.array) != n:
        raise ValueError("two references to a storage contradict each other")
    return storage


def _part(storage: Storage, view: Any) -> Storage:
    """The part of a storage that (key, offset, size) means, or all of it."""
    match view:
        case None:
            return storage
        case (str(), int(begin), int(n)) if begin >= 0 and 0 <= n <= len(storage.array) - begin:
            return Storage(storage.array[begin : begin + n])
    raise ValueError("a part of a storage that lies outside")


# -- what the names in a pickle stand for ----------------------------------------------


def _tensor(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False,
    hooks: Any = None, metadata: Any = None,
) -> Tensor:  # fmt: skip
    if not isinstance(storage, Storage) or type(size) is not tuple or type(stride) is not tuple:
        raise ValueError("a tensor without a storage, sizes or strides")
    if metadata is not None and (not isinstance(metadata, dict) or metadata):
        raise ValueError("a tensor that is to be negated or conjugated when it is read")
    return _requiring(storage.tensor(offset, size, stride), requires_grad)


def _requiring(tensor: Tensor, requires_grad: Any) -> Tensor:
    if type(requires_grad) is not bool or (requires_grad and not tensor.is_floating_point()):
        raise ValueError("a gradient for a tensor that cannot have one")
    return tensor.requires_grad_(requires_grad)


def _parameter(data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Tensor:
    """A parameter; attributes that a program gave it are left out."""
    if not isinstance(data, Tensor):
        raise ValueError("a parameter without a tensor")
    return _requiring(Parameter(data, False), requires_grad)


def _of_type(rebuild: Any, kind: Any, given: Any, state: Any) -> Tensor:
    """A tensor with attributes, which are left out."""
    if NAMES["torch.Tensor"] is not kind or getattr(rebuild, "make", None) is not _tensor:
        raise ValueError("a tensor of a type of its own")
    return _tensor(*given)


def _ordered(*given: Any) -> OrderedDict:
    (pairs,) = given or ([],)
    return OrderedDict((checked_key(key), value) for key, value in pairs)


def _bytes(text: Any = "", encoding: str = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes that are written in an unknown way")
    return text.encode("latin-1")


def _bytearray(content: Any = "", encoding: str = "latin1") -> bytearray:
    return bytearray(content if isinstance(content, bytes) else _bytes(content, encoding))


def _set(items: Iterable[Any] = ()) -> set[Any]:
    return set(map(checked_key, items))


def _frozenset(items: Iterable[Any] = ()) -> frozenset[Any]:
    return frozenset(map(checked_key, items))


def _complex(*parts: Any) -> complex:
    if not all(isinstance(part, (int, float)) for part in parts):
        raise ValueError("a complex number of other things")
    return complex(*parts)


def _device(kind: Any, index: Any = None) -> device:
    numbered = index is None or (type(index) is int and 0 <= index < 128)
    if not isinstance(kind, str) or not numbered:
        raise ValueError("a device that cannot be")
    return device(kind, index)


def _size(sizes: tuple) -> Size:
    if any(type(n) is not int for n in sizes):
        raise ValueError("a size that is no number")
    return Size(sizes)


PLAIN: dict[str, Callable[..., Any]] = {
    "set": _set, "frozenset": _frozenset, "bytes": _bytes, "bytearray": _bytearray,
    "complex": _complex,
}  # fmt: skip
MAKERS: dict[str, Callable[..., Any] | None] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch.Tensor": None,
    "torch.Size": _size,
    "torch.device": _device,
    "collections.OrderedDict": _ordered,
    "_codecs.encode": _bytes,
    **{f"builtins.{name}": make for name, make in PLAIN.items()},
    **{f"__builtin__.{name}": make for name, make in PLAIN.items()},  # as Python 2 called it
}
#: all that a name in a pickle can stand for
NAMES: dict[str, Any] = {
    **{name: Part(name, make) for name, make in MAKERS.items()},
    **{
        name: StorageKind(name, kind.numpy)
        for first, kind in STORAGES.items()
        for name in (f"torch.{first}Storage", f"torch.cuda.{first}Storage")
    },
    **{f"torch.{kind.name}": kind for kind in dtypes.ALL},
}
