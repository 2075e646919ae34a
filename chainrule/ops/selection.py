"""The choice between two values, element by element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


BOOL = np.dtype(np.bool_)


class Where(Elementwise):
    """y = a where c holds, else b."""

    widens_halves = False

    def forward(c, a, b):
        if b.ndim and c.shape == b.shape and _is_zero(a):
            return _zeroed(b, c)
        return np.where(c, a, b)

    def dtype(c, a, b):
        return a

    def vjp_a(g, c):
        return g.where(c, 0)

    def vjp_b(g, c):
        return g.masked_fill(c, 0)


def _is_zero(value: np.ndarray) -> bool:
    return value.shape == () and value.dtype.kind in "fi" and not value.tobytes().strip(b"\0")


def _zeroed(x: np.ndarray, where: np.ndarray) -> np.ndarray:
    """x with 0 in some places: its bits masked, without a branch for each element."""
    bits = np.dtype(f"i{x.itemsize}")
    mask = np.subtract(where, 1, dtype=bits)  # 0 where x goes, all ones where it stays
    return np.bitwise_and(x.view(bits), mask, out=mask).view(x.dtype)


class Maximum(Elementwise):
    """The larger of two  y = max(a, b); a tie shares the cotangent equally."""

    def forward(a, b):
        return np.maximum(a, b)

    def vjp_a(g, a, b):
        return _shared(g, a == b, a < b)

    def vjp_b(g, a, b):
        return _shared(g, a == b, b < a)


class Minimum(Elementwise):
    """The smaller of two  y = min(a, b); a tie shares the cotangent equally."""

    def forward(a, b):
        return np.minimum(a, b)

    def vjp_a(g, a, b):
        return _shared(g, a == b, b < a)

    def vjp_b(g, a, b):
        return _shared(g, a == b, a < b)


def _shared(g: Tensor, tie: Tensor, lost: Tensor) -> Tensor:
    """The cotangent of one side: half where there is a tie, none where it lost."""
    return (g / 2).where(tie, g).masked_fill(lost, 0)


class SelectionMethods(Methods):
    """What a user calls."""

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """self where `condition` holds, else `other`."""
        a, b = self._promoted(other)
        return self._apply(Where, condition._cast(BOOL), a, b)

    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """`value` where `mask` holds, else self."""
        if not isinstance(value, Methods):
            value = self._number(value, self._cell.array.dtype)
        elif value.ndim:
            raise ShapeError(
                "CR102",
                f"masked_fill puts one number everywhere, got a tensor of shape "
                f"{tuple(value.shape)}; use chainrule.where(mask, value, x)",
            )
        filling = value._cast(self._cell.array.dtype)
        return self._apply(Where, mask._cast(BOOL), filling, self)

    def maximum(self, other: Tensor) -> Tensor:
        """The larger of each pair."""
        return self._apply(Maximum, *self._promoted(other))

    def minimum(self, other: Tensor) -> Tensor:
        """The smaller of each pair."""
        return self._apply(Minimum, *self._promoted(other))

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """Values below `min` become min, those above `max` become max."""
        if min is None and max is None:
            raise ArgumentError("CR902", "clamp() needs a min, a max, or both")
        y: Any = self
        for bound, beyond in ((min, "lt"), (max, "gt")):
            if bound is not None:
                y, limit = y._promoted(bound)
                replaced = getattr(y, beyond)(limit)
                if isinstance(bound, Methods) and limit.is_floating_point():
                    replaced = replaced | limit.isnan()
                y = limit.where(replaced, y)
        return y

    clip = clamp

    def clamp_min(self, min: Any) -> Tensor:
        return self.clamp(min=min)

    def clamp_max(self, max: Any) -> Tensor:
        return self.clamp(max=max)

    def nan_to_num(
        self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
    ) -> Tensor:
        """nan and ±inf replaced by numbers, inf by the largest that the type holds."""
        if not self.is_floating_point():
            return self.clone()
        largest = dtypes.finfo(self.dtype).max
        y = self.masked_fill(self.isnan(), nan)
        y = y.masked_fill(self.eq(math.inf), largest if posinf is None else posinf)
        return y.masked_fill(self.eq(-math.inf), -largest if neginf is None else neginf)
