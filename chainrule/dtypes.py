"""Element types and how they combine.

Inside the project an array's type is its NumPy dtype; `dtype` is the name users see.
bfloat16 does not exist in NumPy: it is stored as a record of the upper 16 bits of a float32.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from chainrule import settings
from chainrule.errors import ArgumentTypeError

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])

BOOL, INTEGER, FLOAT = range(3)  # the categories of type promotion


class dtype:
    """The type of a tensor's elements, such as `chainrule.float32`."""

    __slots__ = ("category", "itemsize", "name", "numpy")

    def __init__(self, name: str, numpy_dtype: np.dtype, category: int) -> None:
        self.name = name
        self.numpy = numpy_dtype
        self.category = category
        self.itemsize = numpy_dtype.itemsize

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return False

    @property
    def is_signed(self) -> bool:
        return self.category == FLOAT or self.numpy.kind == "i"

    def __repr__(self) -> str:
        return f"chainrule.{self.name}"

    def __reduce__(self) -> str:
        return {"bool": "bool_"}.get(self.name, self.name)


bool_ = dtype("bool", np.dtype(np.bool_), BOOL)
uint8 = dtype("uint8", np.dtype(np.uint8), INTEGER)
int8 = dtype("int8", np.dtype(np.int8), INTEGER)
int16 = dtype("int16", np.dtype(np.int16), INTEGER)
int32 = dtype("int32", np.dtype(np.int32), INTEGER)
int64 = dtype("int64", np.dtype(np.int64), INTEGER)
float16 = dtype("float16", np.dtype(np.float16), FLOAT)
bfloat16 = dtype("bfloat16", BFLOAT16, FLOAT)
float32 = dtype("float32", np.dtype(np.float32), FLOAT)
float64 = dtype("float64", np.dtype(np.float64), FLOAT)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64)
OF_NUMPY = {d.numpy: d for d in ALL}
HALVES = (float16.numpy, bfloat16.numpy)


#: Python's types, as PyTorch takes them
OF_PYTHON = {bool: bool_.numpy, int: int64.numpy, float: float64.numpy}


def numpy_of(given: Any) -> np.dtype:
    """NumPy's type for one of chainrule's, or for Python's bool, int or float."""
    if isinstance(given, dtype):
        return given.numpy
    if isinstance(given, type) and given in OF_PYTHON:
        return OF_PYTHON[given]
    raise ArgumentTypeError(
        "CR208", f"there is no element type {given!r}; chainrule.float32 is one"
    )


def is_float(numpy_dtype: np.dtype) -> bool:
    return numpy_dtype.kind in "fV"


def category(numpy_dtype: np.dtype) -> int:
    return OF_NUMPY[numpy_dtype].category


@functools.cache
def promote(a: np.dtype, b: np.dtype) -> np.dtype:
    """The smallest type that holds both, as PyTorch has it.

    A float beats any integer without growing; float16 with bfloat16 gives float32.
    """
    if a == b:
        return a
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    if BFLOAT16 in (a, b):
        other = b if a == BFLOAT16 else a
        return float32.numpy if other == float16.numpy else other
    return np.promote_types(a, b)


def cast(array: np.ndarray, to: np.dtype) -> np.ndarray:
    """`array` with its elements converted to the type `to`."""
    if array.dtype == to:
        return array
    if array.dtype == BFLOAT16:
        return _bfloat16_to_float32(array).astype(to, copy=False)
    if to == BFLOAT16:
        return _float32_to_bfloat16(array.astype(np.float32))
    return array.astype(to)


def _bfloat16_to_float32(array: np.ndarray) -> np.ndarray:
    bits = np.asarray(array["bfloat16"].astype(np.uint32) << 16)
    return bits.view(np.float32)


def _float32_to_bfloat16(array: np.ndarray) -> np.ndarray:
    """Round to nearest, ties to even: add half of the last kept bit before cutting."""
    bits = np.ascontiguousarray(array).view(np.uint32).reshape(array.shape)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    quiet_nan = np.uint32(0x7FC0)
    upper = np.asarray(np.where(np.isnan(array), quiet_nan, rounded), np.uint16)
    return upper.view(BFLOAT16).reshape(array.shape)


class finfo:
    """The limits of a floating type: largest and smallest numbers and their spacing."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = settings.defaults.float_dtype if type is None else type.numpy
        if not is_float(kind):
            raise ArgumentTypeError(
                "CR203", f"finfo is for floating types, not {type}; see iinfo"
            )
        # bfloat16 has the exponents of float32 and 7 bits of fraction
        limits = np.finfo(np.float32 if kind == BFLOAT16 else kind)
        cut = kind == BFLOAT16
        self.bits = 8 * kind.itemsize
        self.eps = 2.0**-7 if cut else float(limits.eps)
        self.max = (2 - 2.0**-7) * 2.0**127 if cut else float(limits.max)
        self.resolution = 0.01 if cut else float(str(limits.resolution))
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.min = -self.max
        self.dtype = OF_NUMPY[kind].name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer type."""

    def __init__(self, type: dtype) -> None:
        if type.category != INTEGER:
            raise ArgumentTypeError(
                "CR203", f"iinfo is for integer types, not {type}; see finfo"
            )
        limits = np.iinfo(type.numpy)
        self.bits, self.min, self.max = limits.bits, int(limits.min), int(limits.max)
        self.dtype = type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a type converts to another without losing its kind (float, integer, bool)."""
    return from_.category <= to.category


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that holds both."""
    return OF_NUMPY[promote(type1.numpy, type2.numpy)]
