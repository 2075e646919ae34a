"""Tensor types by their old names: `FloatTensor(2, 3)`, `LongTensor([1, 2])`."""

from __future__ import annotations

from typing import Any

from chainrule import dtypes
from chainrule.errors import ArgumentError
from chainrule.tensor.creation import empty, set_default_dtype, tensor
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class _TensorType(type):
    """Makes tensors of one element type, and says whether a tensor is of it."""

    dtype: dtypes.dtype

    def __call__(cls, *data: Any) -> Tensor:
        if len(data) == 1 and isinstance(data[0], Size):
            return empty(data[0], dtype=cls.dtype)
        if data and all(isinstance(size, int) for size in data):
            return empty(*data, dtype=cls.dtype)
        return tensor(*data or ([],), dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'chainrule.{cls.__name__}'>"


class BoolTensor(metaclass=_TensorType):
    dtype = dtypes.bool_


class ByteTensor(metaclass=_TensorType):
    dtype = dtypes.uint8


class CharTensor(metaclass=_TensorType):
    dtype = dtypes.int8


class ShortTensor(metaclass=_TensorType):
    dtype = dtypes.int16


class IntTensor(metaclass=_TensorType):
    dtype = dtypes.int32


class LongTensor(metaclass=_TensorType):
    dtype = dtypes.int64


class HalfTensor(metaclass=_TensorType):
    dtype = dtypes.float16


class BFloat16Tensor(metaclass=_TensorType):
    dtype = dtypes.bfloat16


class FloatTensor(metaclass=_TensorType):
    dtype = dtypes.float32


class DoubleTensor(metaclass=_TensorType):
    dtype = dtypes.float64


FLOATING = (FloatTensor, DoubleTensor, HalfTensor, BFloat16Tensor)


def set_default_tensor_type(t: Any) -> None:
    """Make new float tensors of the type that an old name stands for.

    Args: t: FloatTensor, DoubleTensor, HalfTensor or BFloat16Tensor, or its name as a text.

    Raises: ArgumentError (CR902) for another type.
    """
    name = t.rpartition(".")[2] if isinstance(t, str) else getattr(t, "__name__", str(t))
    found = {kind.__name__: kind for kind in FLOATING}.get(name)
    if found is None:
        known = ", ".join(kind.__name__ for kind in FLOATING)
        raise ArgumentError("CR902", f"the default tensor type is one of {known}, got {name}")
    set_default_dtype(found.dtype)
