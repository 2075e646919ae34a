"""Parts of the row of all elements, taken at regular steps: as_strided and resize_."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ShapeError
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.tensor.tensor import Tensor


class StridingMethods(Methods):
    """What a user calls; a tensor's elements stand in row-major order."""

    def as_strided(
        self, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
    ) -> Tensor:
        """y[i, j] = element  storage_offset + i · stride[0] + j · stride[1]  of self in a row.

        Notes: a value of its own, not a window; and the elements are counted row by row, also
        where self is a transpose or a slice.
        """
        places = self._of(self._strided_places(size, stride, storage_offset))
        return self.reshape(-1)[places]._as_view_of(self)

    def as_strided_scatter(
        self,
        src: Tensor,
        size: Sequence[int],
        stride: Sequence[int],
        storage_offset: int | None = None,
    ) -> Tensor:
        """self with `src` where as_strided would read."""
        places = self._of(self._strided_places(size, stride, storage_offset))
        if tuple(src.shape) != tuple(places.shape):
            raise ShapeError(
                "CR102",
                f"as_strided_scatter: src has shape {tuple(src.shape)}, size is "
                f"{tuple(places.shape)}",
            )
        return self.put(places, src)

    def _strided_places(
        self, size: Sequence[int], stride: Sequence[int], storage_offset: int | None
    ) -> np.ndarray:
        offset = storage_offset or 0
        steps = [(n - 1) * step for n, step in zip(size, stride, strict=False)]
        last = offset + sum(steps)
        out = math.prod(size) and last >= math.prod(self.shape)
        if len(size) != len(stride) or min([offset, *size, *stride]) < 0 or out:
            raise ShapeError(
                "CR137",
                f"as_strided(size={tuple(size)}, stride={tuple(stride)}, "
                f"storage_offset={offset}) does not stay within the {math.prod(self.shape)} "
                f"elements of shape {tuple(self.shape)}",
            )
        places = np.full(tuple(size), offset, np.int64)
        for axis, (n, step) in enumerate(zip(size, stride, strict=True)):
            places += (np.arange(n) * step).reshape(-1, *[1] * (len(size) - axis - 1))
        return places

    def _resized(self, *size: Any, memory_format: Any = None) -> Tensor:
        """The first elements in a row under another shape, with 0 behind them if need be."""
        shape = shapes.flat(size)
        wanted, held = math.prod(shape), math.prod(self.shape)
        row = self.reshape(-1).pad_constant([(0, wanted - held)])
        return row.reshape(shape)

    def _resized_as(self, the_template: Tensor) -> Tensor:
        return self._resized(the_template.shape)
