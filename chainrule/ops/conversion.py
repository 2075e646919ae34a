"""The same values in another element type, or in memory of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Convert(Elementwise):
    """The same values in another element type."""

    widens_halves = False

    def forward(x, *, to, source):
        return dtypes.cast(x, to)

    def dtype(x, *, to, source):
        return to

    def vjp_x(g, source):
        return g._cast(source)


class Copy(Elementwise):
    """The same values in memory of their own."""

    widens_halves = False

    def forward(x):
        return x.copy()

    def vjp_x(g):
        return g


class CopyMethods(Methods):
    """What a user calls; conversions by name are in tensor/conversion.py."""

    def _convert(self, to: np.dtype) -> Tensor:
        return self._apply(Convert, self, to=to, source=self._cell.array.dtype)

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy that the gradient passes through."""
        return self._apply(Copy, self)
