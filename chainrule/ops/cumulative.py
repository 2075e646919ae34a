"""Running sums and products along an axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from chainrule import shapes
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.dtypes import dtype as Dtype
    from chainrule.tensor.tensor import Tensor


class Cumulative(Primitive, abstract=True):
    """The family: one axis, the shape stays."""

    def shape(x, *, axis):
        return x


class Cumsum(Cumulative):
    """Running sum  yᵢ = x₀ + … + xᵢ along an axis."""

    def forward(x, *, axis):
        return np.cumsum(x, axis=axis, dtype=x.dtype)

    def vjp_x(g, axis):
        return g.flip(axis).cumsum(axis).flip(axis)


class Cumprod(Cumulative):
    """Running product  yᵢ = x₀ ⋯ xᵢ along an axis.

    Notes: the derivative is taken without division, so that zeros are no exception:
    ∂L/∂xₖ = (x₀ ⋯ xₖ₋₁) hₖ  with the recurrence  hₖ = gₖ + xₖ₊₁ hₖ₊₁.
    """

    def forward(x, *, axis):
        return np.cumprod(x, axis=axis, dtype=x.dtype)

    def vjp_x(g, x, axis):
        before = shifted(x, axis, 1, fill=1).cumprod(axis)
        return before * _recurrence(shifted(x, axis, -1), g, axis)


class Logcumsumexp(Cumulative):
    """Running sum of exponentials  yᵢ = ln(eˣ⁰ + … + eˣⁱ), without overflow.

    Notes: ∂L/∂xₖ = exp(xₖ - yₖ) hₖ  with  hₖ = gₖ + exp(yₖ - yₖ₊₁) hₖ₊₁, no factor above 1.
    """

    def forward(x, *, axis):
        return np.logaddexp.accumulate(x, axis=axis)

    def vjp_x(g, x, y, axis):
        nothing = y == -math.inf  # so far; what follows does not depend on it
        step = (y - shifted(y, axis, -1)).exp().masked_fill(nothing, 0)
        return (x - y).exp().masked_fill(nothing, 0) * _recurrence(step, g, axis)


def shifted(x: Tensor, axis: int, by: int, fill: float = 0) -> Tensor:
    """x moved along an axis by `by` places, `fill` coming in at the end left empty."""
    size = x.shape[axis]
    by = max(-size, min(by, size))
    widths = [(0, 0)] * x.ndim
    widths[axis] = (by, -by)
    return x.pad_constant(widths, fill)


def _recurrence(a: Tensor, b: Tensor, axis: int) -> Tensor:
    """h with  hₖ = bₖ + aₖ hₖ₊₁,  in log₂ n steps, each doubling how far an element sees.

    Source: Hillis & Steele 1986, "Data parallel algorithms"
    """
    step = 1
    while step < a.shape[axis]:
        b = b + a * shifted(b, axis, -step)
        a = a * shifted(a, axis, -step)
        step *= 2
    return b


class CumulativeMethods(Methods):
    """What a user calls; integers and booleans are summed and multiplied as int64."""

    def cumsum(self, dim: int, *, dtype: Dtype | None = None) -> Tensor:
        """The running sum along `dim`."""
        return self._cumulated(Cumsum, dim, dtype)

    def cumprod(self, dim: int, *, dtype: Dtype | None = None) -> Tensor:
        """The running product along `dim`."""
        return self._cumulated(Cumprod, dim, dtype)

    def logcumsumexp(self, dim: int) -> Tensor:
        """The logarithm of the running sum of eˣ along `dim`, without overflow."""
        x = self._floating()
        axis = shapes.axis(dim, x.ndim)
        return x._apply(Logcumsumexp, x, axis=axis) if x.ndim else x.clone()

    def _cumulated(self, primitive: type[Cumulative], dim: int, dtype: Dtype | None) -> Tensor:
        x = self._summable(dtype)
        axis = shapes.axis(dim, x.ndim)
        return x._apply(primitive, x, axis=axis) if x.ndim else x.clone()
