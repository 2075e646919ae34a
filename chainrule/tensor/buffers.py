"""Tensors on given bytes, and tensors of given strides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError
from chainrule.tensor import trace
from chainrule.tensor.creation import empty
from chainrule.tensor.tensor import Tensor


def frombuffer(
    buffer: Any, *, dtype: Dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A vector that reads the bytes of an object, a bytearray say, as numbers of a type.

    Args: count: how many numbers, by default all; offset: how many bytes come before them.

    Example:
        >>> import chainrule as cr
        >>> cr.frombuffer(bytearray([1, 2, 3]), dtype=cr.uint8)
        tensor([1, 2, 3], dtype=chainrule.uint8)
    """
    trace.refuse_array("frombuffer(buffer)")
    held, kind = memoryview(buffer).nbytes, dtypes.numpy_of(dtype)
    wanted = (held - offset) // kind.itemsize if count < 0 else count
    whole = count >= 0 or (held - offset) % kind.itemsize == 0
    if not 0 <= offset < held or not whole or offset + wanted * kind.itemsize > held:
        raise ArgumentError(
            "CR902",
            f"frombuffer: {held} bytes from offset {offset} do not hold "
            f"{'whole numbers' if count < 0 else count} of type {dtype}",
        )
    y = Tensor._wrap(np.frombuffer(buffer, kind, wanted, offset))
    return y.requires_grad_() if requires_grad else y


def empty_strided(
    size: Sequence[int], stride: Sequence[int], *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor to be filled; every tensor here is row-major, whatever `stride` says."""
    if len(size) != len(stride):
        raise ArgumentError(
            "CR902", f"empty_strided: {len(size)} sizes and {len(stride)} strides"
        )
    return empty(tuple(size), dtype=dtype, device=device, requires_grad=requires_grad)


def empty_permuted(
    size: Sequence[int], physical_layout: Sequence[int], *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor to be filled; every tensor here is row-major, whatever the layout says."""
    if sorted(physical_layout) != list(range(len(size))):
        raise ArgumentError(
            "CR902", f"empty_permuted: {tuple(physical_layout)} is no order of {len(size)} axes"
        )
    return empty(tuple(size), dtype=dtype, device=device, requires_grad=requires_grad)
