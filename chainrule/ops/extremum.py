"""Extremes: the largest and smallest elements, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.errors import ShapeError
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

    def _nonempty(self, what: str, dim: Dims) -> Any:
        over = shapes.axes(dim, self.ndim)
        if any(self.shape[i] == 0 for i in over):
            raise ShapeError(
                "CR108", f"{what} of no elements: the tensor has shape {tuple(self.shape)}"
            )
        return self
