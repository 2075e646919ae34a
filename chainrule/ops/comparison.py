"""Comparisons and tests, element by element; the result is boolean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DtypeError
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Comparison(Elementwise, abstract=True):
    """The family: booleans out, no derivative."""

    def dtype(*inputs, **params):
        return np.dtype(np.bool_)


class Equal(Comparison):
    """y = 1 where a = b."""

    def forward(a, b):
        return np.equal(a, b)


class NotEqual(Comparison):
    """y = 1 where a ≠ b."""

    def forward(a, b):
        return np.not_equal(a, b)


class Less(Comparison):
    """y = 1 where a < b."""

    def forward(a, b):
        return np.less(a, b)


class LessEqual(Comparison):
    """y = 1 where a ≤ b."""

    def forward(a, b):
        return np.less_equal(a, b)


class IsNan(Comparison):
    """y = 1 where x is not a number."""

    def forward(x):
        return np.isnan(x)


class IsFinite(Comparison):
    """y = 1 where x is neither infinite nor nan."""

    def forward(x):
        return np.isfinite(x)


class Heaviside(Elementwise):
    """Step function  y = 0 for x < 0 and for nan, b at 0, 1 for x > 0."""

    def forward(x, b):
        return np.where(x == 0, b, (x > 0).astype(x.dtype))

    def dtype(x, b):
        return x

    def vjp_x(g):
        return g.zeros_like()

    def vjp_b(g, x):
        return g.masked_fill(x != 0, 0)


class ComparisonMethods(Methods):
    """What a user calls."""

    def eq(self, other: Any) -> Tensor:
        return self._apply(Equal, *self._promoted(other))

    def ne(self, other: Any) -> Tensor:
        return self._apply(NotEqual, *self._promoted(other))

    def lt(self, other: Any) -> Tensor:
        return self._apply(Less, *self._promoted(other))

    def le(self, other: Any) -> Tensor:
        return self._apply(LessEqual, *self._promoted(other))

    def gt(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return self._apply(Less, b, a)

    def ge(self, other: Any) -> Tensor:
        a, b = self._promoted(other)
        return self._apply(LessEqual, b, a)

    def __eq__(self, other: Any) -> Tensor:
        return self.eq(other) if _comparable(other) else NotImplemented

    def __ne__(self, other: Any) -> Tensor:
        return self.ne(other) if _comparable(other) else NotImplemented

    __hash__ = object.__hash__
    __lt__, __le__, __gt__, __ge__ = lt, le, gt, ge
    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne

    def isnan(self) -> Tensor:
        return self._apply(IsNan, self._floating())

    def isfinite(self) -> Tensor:
        return self._apply(IsFinite, self._floating())

    def isinf(self) -> Tensor:
        return ~(self.isfinite() | self.isnan())

    def heaviside(self, values: Tensor) -> Tensor:
        """0 where self is negative, `values` where it is 0, 1 where it is positive."""
        if self.dtype is not values.dtype:
            raise DtypeError(
                "CR204",
                f"heaviside() of {self.dtype} and {values.dtype}: convert one of them, "
                f"values.to({self.dtype})",
            )
        return self._apply(Heaviside, self, values)

    def isclose(
        self, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Tensor:
        """|self - other| ≤ atol + rtol · |other|, element by element."""
        if self.dtype is not other.dtype:
            raise DtypeError(
                "CR204",
                f"isclose() of {self.dtype} and {other.dtype}: convert one of them, "
                f"x.to({self.dtype})",
            )
        a, b = self._summable(None), other._summable(None)
        near = (a - b).abs() <= atol + rtol * b.abs()
        close = (near & b.isfinite()) | (a == b)
        return close | (a.isnan() & b.isnan()) if equal_nan else close

    def allclose(
        self, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        """Whether every element is close; see isclose."""
        return bool(self.isclose(other, rtol, atol, equal_nan).all())

    def equal(self, other: Tensor) -> bool:
        """Whether both have the same shape and the same elements."""
        return self.shape == other.shape and bool((self == other).all())


def _comparable(other: Any) -> bool:
    return isinstance(other, (Methods, bool, int, float, np.generic, np.ndarray))
