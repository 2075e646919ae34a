"""A tensor in other element types; the methods carry the names of Python's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule import dtypes
from chainrule.device import resolve_device
from chainrule.errors import ArgumentTypeError
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor

TYPE_NAMES = {
    "bool": "BoolTensor", "uint8": "ByteTensor", "int8": "CharTensor", "int16": "ShortTensor",
    "int32": "IntTensor", "int64": "LongTensor", "float16": "HalfTensor",
    "bfloat16": "BFloat16Tensor", "float32": "FloatTensor", "float64": "DoubleTensor",
}  # fmt: skip


class ConversionMethods(Methods):
    """What a user calls."""

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: Any = False,
        copy: Any = False,
        memory_format: Any = None,
    ) -> Tensor:
        """In another type; a device may be named, and "cpu" is the one there is.

        Args: copy: a tensor of its own even where nothing changes.
        """
        for argument in args:
            if isinstance(argument, (dtypes.dtype, type)):
                dtype = argument
            elif isinstance(argument, Methods):
                dtype = argument.dtype
            elif not isinstance(argument, bool):
                resolve_device(argument)
        resolve_device(device)
        y: Any = self if dtype is None else self._cast(dtypes.numpy_of(dtype))
        return y.clone() if copy and y is self else y

    def type(self, dtype: Any = None) -> Any:
        """The type's name, such as "chainrule.FloatTensor", or the tensor in another type."""
        if dtype is None:
            return f"chainrule.{TYPE_NAMES[self.dtype.name]}"
        return self.to(_type_meant(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)

    def float(self) -> Tensor:
        return self._cast(dtypes.float32.numpy)

    def double(self) -> Tensor:
        return self._cast(dtypes.float64.numpy)

    def half(self) -> Tensor:
        return self._cast(dtypes.float16.numpy)

    def bfloat16(self) -> Tensor:
        return self._cast(dtypes.BFLOAT16)

    def long(self) -> Tensor:
        return self._cast(dtypes.int64.numpy)

    def int(self) -> Tensor:
        return self._cast(dtypes.int32.numpy)

    def short(self) -> Tensor:
        return self._cast(dtypes.int16.numpy)

    def char(self) -> Tensor:
        return self._cast(dtypes.int8.numpy)

    def byte(self) -> Tensor:
        return self._cast(dtypes.uint8.numpy)

    def bool(self) -> Tensor:
        return self._cast(dtypes.bool_.numpy)

    def cpu(self) -> Tensor:
        return self  # type: ignore[return-value]

    def cuda(self, device: Any = None, non_blocking: Any = False) -> Tensor:
        resolve_device("cuda" if device is None else device)
        return self  # type: ignore[return-value]


def _type_meant(given: Any) -> Any:
    """A type by itself, by a class such as LongTensor, or by a name of either."""
    if isinstance(given, str):
        name = given.rpartition(".")[2]
        for found in dtypes.ALL:
            if name in (found.name, TYPE_NAMES[found.name]):
                return found
    found = getattr(given, "dtype", given)
    if not isinstance(found, dtypes.dtype):
        raise ArgumentTypeError("CR208", f"there is no element type {given!r}")
    return found
