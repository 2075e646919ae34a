"""Scattering: what comes to one place is reduced there, and parts replaced by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, shapes
from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.ops import index_kernels as kernels
from chainrule.ops.index_parsing import as_index
from chainrule.ops.indexing import Gather, ScatterAdd, to_shape
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class ScatterMultiply(Primitive):
    """x times v along an axis: y[i, index[i, j]] *= v[i, j].

    Notes: the derivative is the product of all other factors of the place; one that is zero
    is left out of the product and not divided by.
    """

    def forward(x, index, v, *, axis):
        return kernels.reduced_at(np.multiply, x, index, v, axis)

    def shape(x, index, v, *, axis):
        return x

    def vjp_x(g, x, index, v, axis):
        others, _ = _other_factors(x, index, v, axis)
        return g * others

    def vjp_v(g, x, index, v, axis):
        _, others = _other_factors(x, index, v, axis)
        return to_shape(g._apply(Gather, g, index, axis=axis) * others, tuple(v.shape))


def _other_factors(x: Tensor, index: Tensor, v: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """For x and for each v the product of the other factors that meet at its place."""
    part = v[tuple(slice(n) for n in index.shape)]
    left, factor = x.masked_fill(x == 0, 1), part.masked_fill(part == 0, 1)
    product = left._apply(ScatterMultiply, left, index, factor, axis=axis)
    kind = x._cell.array.dtype
    is_zero = (part == 0)._cast(kind)
    zeros = x._apply(ScatterAdd, (x == 0)._cast(kind), index, is_zero, axis=axis)
    there, count = (y._apply(Gather, y, index, axis=axis) for y in (product, zeros))
    return (
        (product / left).masked_fill(zeros > (x == 0)._cast(kind), 0),
        (there / factor).masked_fill(count > is_zero, 0),
    )


class ScatterExtremum(Primitive, abstract=True):
    """The family: equal extrema share the cotangent of their place equally."""

    def shape(x, index, v, *, axis):
        return x

    def vjp_x(g, x, index, v, y, axis):
        return _share(g, x, index, v, y, axis).masked_fill(x != y, 0)

    def vjp_v(g, x, index, v, y, axis):
        share = _share(g, x, index, v, y, axis)
        there, best = (t._apply(Gather, t, index, axis=axis) for t in (share, y))
        part = v[tuple(slice(n) for n in index.shape)]
        return to_shape(there.masked_fill(part != best, 0), tuple(v.shape))


class ScatterAmax(ScatterExtremum):
    """The largest of x and the v that come to a place along an axis."""

    def forward(x, index, v, *, axis):
        return kernels.reduced_at(np.maximum, x, index, v, axis)


class ScatterAmin(ScatterExtremum):
    """The smallest of x and the v that come to a place along an axis."""

    def forward(x, index, v, *, axis):
        return kernels.reduced_at(np.minimum, x, index, v, axis)


def _share(g: Tensor, x: Tensor, index: Tensor, v: Tensor, y: Tensor, axis: int) -> Tensor:
    """The cotangent of each place, divided by how many attain its extremum."""
    kind = x._cell.array.dtype
    part = v[tuple(slice(n) for n in index.shape)]
    there = y._apply(Gather, y, index, axis=axis)
    hits = (part == there)._cast(kind)
    count = x._apply(ScatterAdd, (x == y)._cast(kind), index, hits, axis=axis)
    return g / count


class ScatteringMethods(Methods):
    """What a user calls."""

    def scatter_reduce(
        self, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
    ) -> Tensor:
        """self with the sum, product, mean or extremum of what src brings to each place.

        Args:
            reduce: "sum", "prod", "mean", "amax" or "amin"
            include_self: whether the number that stands there takes part
        """
        if reduce not in ("sum", "prod", "mean", "amax", "amin"):
            raise ArgumentError(
                "CR902",
                'scatter_reduce: reduce is "sum", "prod", "mean", "amax" or "amin", got '
                f"{reduce!r}",
            )
        at = shapes.axis(dim, self.ndim)
        if self.ndim == 0:
            vectors = self.reshape(1), 0, index.reshape(-1), src.reshape(-1), reduce
            return (
                vectors[0].scatter_reduce(*vectors[1:], include_self=include_self).reshape(())
            )
        counts = self._counted(at, index)
        x: Any = self
        if not include_self:
            x = self.masked_fill(counts > 0, _neutral(reduce, self.dtype))
        if reduce != "mean":
            return x._scattered(SCATTERED[reduce], at, index, src)
        total = x._scattered(ScatterAdd, at, index, src)
        count = counts + 1 if include_self else counts.clamp(min=1)
        if self.is_floating_point():
            return total / count._cast(self._cell.array.dtype)
        return total.div(count, rounding_mode="floor")._cast(self._cell.array.dtype)

    def _counted(self, axis: int, index: Tensor) -> Tensor:
        """How many numbers come to each place."""
        zeros = self.new_zeros(self.shape, dtype=dtypes.int64)
        ones = self.new_ones(index.shape, dtype=dtypes.int64)
        return zeros._scattered(ScatterAdd, axis, index, ones)

    def _scattered_with(self, reduce: str, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """What `scatter(..., reduce=...)` does."""
        if reduce not in ("add", "multiply"):
            raise ArgumentError(
                "CR902", f'scatter: reduce is "add" or "multiply", got {reduce!r}'
            )
        primitive = ScatterAdd if reduce == "add" else ScatterMultiply
        return self._scattered(primitive, dim, index, src)

    def index_reduce(
        self, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
    ) -> Tensor:
        """As scatter_reduce, with whole slices of source at the positions `index`."""
        at = shapes.axis(dim, self.ndim)
        place = (*self.shape[:at], index.numel(), *self.shape[at + 1 :])
        if tuple(source.shape) != place:
            raise ShapeError(
                "CR102",
                f"index_reduce: source has shape {tuple(source.shape)}, the index wants "
                f"{place}",
            )
        if reduce == "sum":
            raise ArgumentError("CR902", "index_reduce does not sum; use index_add")
        column = index.reshape(-1, *[1] * (self.ndim - 1 - at))
        return self.scatter_reduce(
            at, column.expand(place), source, reduce, include_self=include_self
        )

    def put(self, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
        """self with the elements of source at positions of the flattened tensor."""
        if self.dtype is not source.dtype:
            raise DtypeError(
                "CR204",
                f"put: {source.dtype} elements cannot go into a {self.dtype} tensor; convert "
                f"them, source.to({self.dtype})",
            )
        if index.numel() != source.numel():
            raise ShapeError(
                "CR102",
                f"put: {source.numel()} elements for {index.numel()} positions",
            )
        places = as_index(index).reshape(-1)
        flat = self.reshape(-1).index_put((places,), source.reshape(-1), accumulate)
        return flat.reshape(self.shape)

    def select_scatter(self, src: Tensor, dim: int, index: int) -> Tensor:
        """self with `src` at position `index` along `dim`."""
        return self._with_exactly(self.select(dim, index), src, dim, index, "select_scatter")

    def slice_scatter(
        self,
        src: Tensor,
        dim: int = 0,
        start: int | None = None,
        end: int | None = None,
        step: int = 1,
    ) -> Tensor:
        """self with `src` at the positions from start to end along `dim`."""
        part = slice(start, end, step)
        old = self[(slice(None),) * shapes.axis(dim, self.ndim) + (part,)]
        return self._with_exactly(old, src, dim, part, "slice_scatter")

    def _with_exactly(
        self, old: Tensor, src: Tensor, dim: int, index: Any, what: str
    ) -> Tensor:
        """self with `src`, of the very shape of the part `old`, in its place."""
        if tuple(src.shape) != tuple(old.shape):
            raise ShapeError(
                "CR102",
                f"{what}: src has shape {tuple(src.shape)}, the part it replaces has "
                f"{tuple(old.shape)}",
            )
        y = self.clone()
        y[(slice(None),) * shapes.axis(dim, self.ndim) + (index,)] = src
        return y


SCATTERED = {
    "sum": ScatterAdd, "prod": ScatterMultiply, "amax": ScatterAmax, "amin": ScatterAmin,
}  # fmt: skip


def _neutral(reduce: str, dtype: dtypes.dtype) -> Any:
    """The number that changes nothing."""
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    if dtype.category == dtypes.FLOAT:
        return float("-inf") if reduce == "amax" else float("inf")
    if dtype.name == "bool":
        return reduce == "amin"
    limits = dtypes.iinfo(dtype)
    return limits.min if reduce == "amax" else limits.max
