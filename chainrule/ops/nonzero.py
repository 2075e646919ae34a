"""The positions of elements that are not 0, all of them or as many as are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class FirstNonzero(Primitive):
    """The positions of the first `size` elements that are not 0, `fill` where there are fewer.

    Shapes:  x (…) of k axes → y (size, k)
    """

    def forward(x, *, size, fill):
        y = np.full((size, x.ndim), fill, np.int64)
        found = np.argwhere(x)[:size]
        y[: len(found)] = found
        return y

    def shape(x, *, size, fill):
        return (size, len(x))

    def dtype(x, *, size, fill):
        return np.dtype(np.int64)


class NonzeroMethods(Methods):
    """What a user calls."""

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        """The positions of the elements that are not 0, a row each (or a tensor per axis)."""
        array = self.detach()._readable_array("nonzero()")
        if as_tuple:
            return tuple(self._of(found) for found in np.nonzero(np.atleast_1d(array)))
        return self._of(np.argwhere(array))

    def argwhere(self) -> Tensor:
        """The positions of the elements that are not zero, a row each."""
        return self.nonzero()

    def nonzero_static(self, *, size: int, fill_value: int = -1) -> Tensor:
        """As nonzero, with `size` rows whatever the numbers are, so that it can be compiled."""
        if size < 0:
            raise ArgumentError("CR902", f"nonzero_static: size is at least 0, got {size}")
        return self._apply(FirstNonzero, self, size=size, fill=fill_value)
