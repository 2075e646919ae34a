"""Extremes: the largest and smallest elements, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.errors import ShapeError
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.indexing import Gather
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive
from chainrule.ops.reduction import Dims, Reduction

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class ValuesAndIndices(NamedTuple):
    """What `max(dim)`, `min(dim)`, `sort` and the like return."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return f"chainrule.return_types.{type(self).__name__.lower()}({_fields(self)})"


class Max(ValuesAndIndices):
    """The largest elements, and where they stand."""


class Min(ValuesAndIndices):
    """The smallest elements, and where they stand."""


class Cummax(ValuesAndIndices):
    """The largest elements so far, and where they stand."""


class Cummin(ValuesAndIndices):
    """The smallest elements so far, and where they stand."""


class SmallestAndLargest(NamedTuple):
    """What `aminmax` returns."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return f"chainrule.return_types.aminmax({_fields(self)})"


def _fields(found: Any) -> str:
    return ",".join(f"\n{name}={value!r}" for name, value in found._asdict().items())


class Extreme(Reduction, abstract=True):
    """The family of largest and smallest: elements that tie share the cotangent equally."""

    def vjp_x(g, x, y, axes):
        kept = shapes.reduced(x.shape, axes, True)
        attained = (x == y.reshape(kept))._cast(x._cell.array.dtype)
        return attained / attained.sum(axes, keepdim=True) * g.reshape(kept)


class Amax(Extreme):
    """Largest element over axes."""

    def forward(x, *, axes, keepdim):
        return np.maximum.reduce(x, axis=axes, keepdims=keepdim)


class Amin(Extreme):
    """Smallest element over axes."""

    def forward(x, *, axes, keepdim):
        return np.minimum.reduce(x, axis=axes, keepdims=keepdim)


class Position(Primitive, abstract=True):
    """The family of positions along one axis."""

    def shape(x, *, axis, keepdim):
        return shapes.reduced(x, (axis,), keepdim)

    def dtype(x, *, axis, keepdim):
        return np.dtype(np.int64)


class Argmax(Position):
    """Position of the largest element along an axis, the first of equals."""

    def forward(x, *, axis, keepdim):
        return np.argmax(x, axis=axis, keepdims=keepdim)


class Argmin(Position):
    """Position of the smallest element along an axis, the first of equals."""

    def forward(x, *, axis, keepdim):
        return np.argmin(x, axis=axis, keepdims=keepdim)


class LaterMax(Primitive):
    """Position of the largest element so far along an axis, the last of equals or nans."""

    def forward(x, *, axis):
        return _positions_of(np.maximum.accumulate(x, axis=axis), x, axis)

    def shape(x, *, axis):
        return x

    def dtype(x, *, axis):
        return np.dtype(np.int64)


class LaterMin(LaterMax):
    """Position of the smallest element so far along an axis, the last of equals or nans."""

    def forward(x, *, axis):
        return _positions_of(np.minimum.accumulate(x, axis=axis), x, axis)


def _positions_of(extreme: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    places = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - axis - 1))
    return np.maximum.accumulate(np.where((x == extreme) | (x != x), places, 0), axis=axis)


class Fmax(Elementwise):
    """The larger of two  y = max(a, b), or the one that is no nan; a takes all of a tie."""

    def forward(a, b):
        return np.fmax(a, b)

    def vjp_a(g, a, b):
        return g.masked_fill(~((a >= b) | b.isnan()), 0)

    def vjp_b(g, a, b):
        return g.masked_fill((a >= b) | b.isnan(), 0)


class Fmin(Elementwise):
    """The smaller of two  y = min(a, b), or the one that is no nan; a takes all of a tie."""

    def forward(a, b):
        return np.fmin(a, b)

    def vjp_a(g, a, b):
        return g.masked_fill(~((a <= b) | b.isnan()), 0)

    def vjp_b(g, a, b):
        return g.masked_fill((a <= b) | b.isnan(), 0)


class ExtremumMethods(Methods):
    """What a user calls."""

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The largest element over `dim`; elements that tie share the gradient."""
        return self._nonempty("amax()", dim)._reduce(Amax, dim, keepdim)

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The smallest element over `dim`; elements that tie share the gradient."""
        return self._nonempty("amin()", dim)._reduce(Amin, dim, keepdim)

    def aminmax(self, *, dim: int | None = None, keepdim: bool = False) -> SmallestAndLargest:
        """The smallest and the largest element."""
        return SmallestAndLargest(self.amin(dim, keepdim), self.amax(dim, keepdim))

    def max(self, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """max(): the largest element; max(dim): with its place; max(other): of each pair."""
        if isinstance(dim, Methods) or other is not None:
            return self.maximum(dim if other is None else other)
        return self.amax() if dim is None else Max(*self._extreme(Argmax, dim, keepdim))

    def min(self, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """min(): the smallest element; min(dim): with its place; min(other): of each pair."""
        if isinstance(dim, Methods) or other is not None:
            return self.minimum(dim if other is None else other)
        return self.amin() if dim is None else Min(*self._extreme(Argmin, dim, keepdim))

    def _extreme(self, primitive: type[Position], dim: int, keepdim: bool) -> ValuesAndIndices:
        axis = shapes.axis(dim, self.ndim)
        indices = self._position(primitive, dim, keepdim=True)
        if self.ndim == 0:
            return ValuesAndIndices(self.clone(), indices)
        values = self._apply(Gather, self, indices, axis=axis)
        if keepdim:
            return ValuesAndIndices(values, indices)
        return ValuesAndIndices(values.squeeze(axis), indices.squeeze(axis))

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Position of the largest element, in the flattened tensor if `dim` is None."""
        return self._not_bool("argmax()", "use max(dim)")._position(Argmax, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Position of the smallest element, in the flattened tensor if `dim` is None."""
        return self._not_bool("argmin()", "use min(dim)")._position(Argmin, dim, keepdim)

    def _position(self, primitive: type[Position], dim: int | None, keepdim: bool) -> Tensor:
        x = self._nonempty(f"{primitive.__name__.lower()}()", dim)
        if dim is None or x.ndim == 0:
            y = x._apply(primitive, x.reshape(-1), axis=0, keepdim=False)
            return y.reshape((1,) * x.ndim) if keepdim else y
        return x._apply(primitive, x, axis=shapes.axis(dim, x.ndim), keepdim=keepdim)

    def cummax(self, dim: int) -> ValuesAndIndices:
        """The largest element so far along `dim`, and where it stands, the last of equals.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1, 3, 2, 3]).cummax(0).indices
            tensor([0, 1, 1, 3])
        """
        return Cummax(*self._running(LaterMax, dim))

    def cummin(self, dim: int) -> ValuesAndIndices:
        """The smallest element so far along `dim`, and where it stands, the last of equals."""
        return Cummin(*self._running(LaterMin, dim))

    def _running(self, primitive: type[Primitive], dim: int) -> tuple[Tensor, Tensor]:
        axis = shapes.axis(dim, self.ndim)
        if self.ndim == 0:
            return self.clone(), self._of(np.zeros((), np.int64))
        indices = self._apply(primitive, self, axis=axis)
        return self._apply(Gather, self, indices, axis=axis), indices

    def fmax(self, other: Tensor) -> Tensor:
        """The larger of each pair; a nan gives way to a number."""
        return self._apply(Fmax, *self._promoted(other))

    def fmin(self, other: Tensor) -> Tensor:
        """The smaller of each pair; a nan gives way to a number."""
        return self._apply(Fmin, *self._promoted(other))

    def _nonempty(self, what: str, dim: Dims) -> Any:
        over = shapes.axes(dim, self.ndim)
        if any(self.shape[i] == 0 for i in over):
            raise ShapeError(
                "CR108", f"{what} of no elements: the tensor has shape {tuple(self.shape)}"
            )
        return self
