"""Tensors made from nothing."""

from __future__ import annotations

import numpy as np

from chainrule import dtypes
from chainrule.ops.primitive import Primitive


class Creation(Primitive, abstract=True):
    """The family: no inputs, so no derivative."""

    def dtype(*inputs, dtype, **params):
        return dtype


class Full(Creation):
    """One value everywhere."""

    def forward(*, shape, value, dtype):
        return np.full(shape, dtypes.cast(np.asarray(value), dtype))

    def shape(*, shape, value, dtype):
        return shape


class Arange(Creation):
    """yᵢ = start + i · step, for i from 0 to size - 1."""

    def forward(*, start, step, size, dtype):
        return dtypes.cast(start + step * np.arange(size), dtype)

    def shape(*, start, step, size, dtype):
        return (size,)
