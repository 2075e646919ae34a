"""Indexing: reading and writing at positions given by tensors, and x[...] itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import DtypeError, ShapeError
from chainrule.ops import index_kernels as kernels
from chainrule.ops.index_parsing import (
    as_index,
    check_mask,
    is_array,
    parse,
    positions_of,
)
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive
from chainrule.ops.slicing import Slice, SliceInto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.tensor.tensor import Tensor


class Index(Primitive):
    """Elements at positions: y = x[indices], the index tensors standing on `axes`.

    Shapes:  as NumPy's advanced indexing; the broadcast shape of the indices stands where
    they stood if they are neighbours, else in front.
    """

    widens_halves = False

    def forward(x, *indices, axes):
        return x[kernels.place(x.shape, indices, axes)]

    def shape(x, *indices, axes):
        return kernels.indexed_shape(x, indices, axes)

    def vjp_x(g, x_shape, indices, axes):
        return g._apply(IndexAdd, g.new_zeros(x_shape), g, *indices, axes=axes)


class IndexAdd(Primitive):
    """x with v added at positions; what comes to one place adds up."""

    def forward(x, v, *indices, axes):
        if axes == (0,) and v.size:
            return kernels.add_rows(x, v, indices[0])
        y = x.copy()
        np.add.at(y, kernels.place(x.shape, indices, axes), v)
        return y

    def shape(x, v, *indices, axes):
        return x

    def vjp_x(g):
        return g

    def vjp_v(g, indices, axes):
        return g._apply(Index, g, *indices, axes=axes)


class IndexPut(Primitive):
    """x with the elements at positions replaced by v; of several the last stays."""

    widens_halves = False

    def forward(x, v, *indices, axes):
        y = x.copy()
        y[kernels.place(x.shape, indices, axes)] = v
        return y

    def shape(x, v, *indices, axes):
        return x

    def vjp_x(g, v_shape, indices, axes):
        return g._apply(IndexPut, g, g.new_zeros(v_shape), *indices, axes=axes)

    def vjp_v(g, indices, axes):
        return g._apply(Index, g, *indices, axes=axes)


class Gather(Primitive):
    """One element per place of `index`, found along an axis: y[i, j] = x[i, index[i, j]].

    Shapes:  index may be smaller than x on the other axes; y has its shape.
    """

    widens_halves = False

    def forward(x, index, *, axis):
        return x.reshape(-1).take(kernels.flat_positions(x.shape, index, axis))

    def shape(x, index, *, axis):
        return index

    def vjp_x(g, x_shape, index, axis):
        return g._apply(ScatterAdd, g.new_zeros(x_shape), index, g, axis=axis)


class ScatterAdd(Primitive):
    """x with v added along an axis: y[i, index[i, j]] += v[i, j]."""

    def forward(x, index, v, *, axis):
        return kernels.reduced_at(np.add, x, index, v, axis)

    def shape(x, index, v, *, axis):
        return x

    def vjp_x(g):
        return g

    def vjp_v(g, index, v_shape, axis):
        return to_shape(g._apply(Gather, g, index, axis=axis), v_shape)


class Scatter(Primitive):
    """x with elements replaced along an axis: y[i, index[i, j]] = v[i, j]."""

    widens_halves = False

    def forward(x, index, v, *, axis):
        y = x.copy()
        part = v[tuple(map(slice, index.shape))]
        y.reshape(-1)[kernels.flat_positions(x.shape, index, axis)] = part
        return y

    def shape(x, index, v, *, axis):
        return x

    def vjp_x(g, index, v_shape, axis):
        return g._apply(Scatter, g, index, g.new_zeros(v_shape), axis=axis)

    def vjp_v(g, index, v_shape, axis):
        return to_shape(g._apply(Gather, g, index, axis=axis), v_shape)


def to_shape(g: Tensor, shape: shapes.Shape) -> Tensor:
    """g with zeros behind it on every axis, up to `shape`."""
    if tuple(g.shape) == shape:
        return g
    return g.pad_constant([(0, n - m) for n, m in zip(shape, g.shape, strict=True)])


#: the names that users know the primitives by
SCATTERING = {"Scatter": "scatter", "ScatterAdd": "scatter_add"}


class IndexingMethods(Methods):
    """What a user calls."""

    def __getitem__(self: Any, index: Any) -> Tensor:
        """x[index] with whole numbers, slices, None, ..., masks, lists and tensors."""
        slices, shape, found = parse(self, index)
        y = self._sliced(slices, shape)
        if found:
            return y._at(*positions_of(y, found))
        return y

    def __setitem__(self, index: Any, value: Any) -> None:
        """x[index] = value; the gradient goes to `value` and to what stays of x."""
        self._refresh()
        value = self._value_to_write(value)
        index = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        if _is_mask(index) and value.ndim == 0 and index.ndim <= self.ndim:
            self._assign(self._filled_where(index, value), "x[mask] = value")
            return
        slices, shape, found = parse(self, index)
        if found:
            part = self._sliced(slices, shape)
            indices, axes = positions_of(part, found)
            place = kernels.indexed_shape(part.shape, tuple([i.shape for i in indices]), axes)
            value = self._apply(IndexPut, part, _fitted(value, place), *indices, axes=axes)
        whole = tuple([len(range(*part)) for part in slices])
        value = _fitted(value, shape).expand(shape).reshape(whole)
        self._assign(self._apply(SliceInto, self, value, slices=slices), "x[...] = value")

    def _value_to_write(self, value: Any) -> Tensor:
        """A value as a tensor of this one's type."""
        if is_array(value):
            value = self._taken_in(value, "x[...] = array")
        elif not isinstance(value, Methods):
            value = self._number(value, self._cell.array.dtype)
        return value._cast(self._cell.array.dtype)

    def _filled_where(self, mask: Tensor, value: Tensor) -> Tensor:
        """self with one number where the mask, on the first axes, holds."""
        check_mask(self, mask, 0)
        trailing = (1,) * (self.ndim - mask.ndim)
        return self.masked_fill(mask.reshape((*mask.shape, *trailing)), value)

    def _sliced(self, slices: tuple, shape: shapes.Shape) -> Any:
        """The part that `slices` cut out, under the shape given; never self."""
        x: Any = self
        if slices != tuple([(0, n, 1) for n in self.shape]):
            x = self._apply(Slice, self, slices=slices)
        return x if x is not self and tuple(x.shape) == shape else x.reshape(shape)

    def _at(self, indices: Sequence[Tensor], axes: shapes.Shape) -> Tensor:
        return self._apply(Index, self, *indices, axes=axes)

    def gather(self, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
        """y[i, j] = self[i, index[i, j]] for dim = 1, and so on."""
        axis = shapes.axis(dim, self.ndim)
        if self.ndim == 0 or index.ndim == 0:
            return self.reshape(-1).gather(0, index.reshape(-1)).reshape(index.shape)
        _check_along(self, index, axis, "gather")
        return self._apply(Gather, self, as_index(index), axis=axis)

    def scatter(
        self,
        dim: int,
        index: Tensor,
        src: Any = None,
        *,
        value: Any = None,
        reduce: str | None = None,
    ) -> Tensor:
        """self with self[i, index[i, j]] = src[i, j] for dim = 1, and so on.

        Args: reduce: "add" or "multiply" to do so with what stands there.
        """
        src = value if src is None else src
        if not isinstance(src, Methods):
            src = self._number(src, self._cell.array.dtype).expand(index.shape)
        if reduce is not None:
            return self._scattered_with(reduce, dim, index, src)
        return self._scattered(Scatter, dim, index, src)

    def scatter_add(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """self with self[i, index[i, j]] += src[i, j] for dim = 1, and so on."""
        return self._scattered(ScatterAdd, dim, index, src)

    def _scattered(
        self, primitive: type[Primitive], dim: int, index: Tensor, src: Tensor
    ) -> Tensor:
        what = SCATTERING.get(primitive.__name__, "scatter_reduce")
        axis = shapes.axis(dim, self.ndim)
        _check_same_dtype(self, src, what)
        if self.ndim == 0:
            vectors = self.reshape(1), index.reshape(-1), src.reshape(-1)
            return vectors[0]._scattered(primitive, 0, *vectors[1:]).reshape(())
        _check_along(self, index, axis, what)
        if src.ndim != index.ndim or any(m < n for n, m in zip(index.shape, src.shape)):
            raise ShapeError(
                "CR102",
                f"{what}: src has shape {tuple(src.shape)}, which does not cover the index of "
                f"shape {tuple(index.shape)}",
            )
        return self._apply(primitive, self, as_index(index), src, axis=axis)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The positions `index` along `dim`, in that order."""
        axis = shapes.axis(dim, self.ndim)
        if index.ndim > 1:
            raise ShapeError(
                "CR102", f"index_select takes a vector of positions, got {tuple(index.shape)}"
            )
        if self.ndim == 0:
            return self.reshape(1).index_select(0, index).reshape(())
        at = as_index(index.reshape(-1), self.shape[axis])
        return self._apply(Index, self, at, axes=(axis,))

    def index_add(self, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
        """self with alpha · source added at the positions `index` along `dim`."""
        axis = shapes.axis(dim, self.ndim)
        _check_same_dtype(self, source, "index_add")
        at = as_index(index.reshape(-1), self.shape[axis])
        place = (*self.shape[:axis], at.shape[0], *self.shape[axis + 1 :])
        if tuple(source.shape) != place:
            raise ShapeError(
                "CR102",
                f"index_add: source has shape {tuple(source.shape)}, the index wants {place}",
            )
        scaled = source if alpha == 1 else source * alpha
        return self._apply(IndexAdd, self, scaled, at, axes=(axis,))

    def index_copy(self, dim: int, index: Tensor, source: Tensor) -> Tensor:
        """self with `source` at the positions `index` along `dim`."""
        _check_same_dtype(self, source, "index_copy")
        return self._with_part(dim, index, source)

    def index_fill(self, dim: int, index: Tensor, value: Any) -> Tensor:
        """self with one number at the positions `index` along `dim`."""
        return self._with_part(dim, index, value)

    def _with_part(self, dim: int, index: Tensor, value: Any) -> Tensor:
        y = self.clone()
        y[(slice(None),) * shapes.axis(dim, self.ndim) + (index,)] = value
        return y

    def index_put(
        self, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
    ) -> Tensor:
        """self with self[indices] = values; with `accumulate` they are added."""
        if not accumulate:
            y = self.clone()
            y[tuple(indices)] = values
            return y
        places = self._of(np.arange(self.numel())).reshape(self.shape)[tuple(indices)]
        added = values.expand(places.shape).reshape(-1)
        return self.reshape(-1).index_add(0, places.reshape(-1), added).reshape(self.shape)

    def take(self, index: Tensor) -> Tensor:
        """Elements of the flattened tensor."""
        return self.reshape(-1)[index]

    def take_along_dim(self, indices: Tensor, dim: int | None = None) -> Tensor:
        """As gather; without `dim`, of the flattened tensor."""
        if dim is None:
            return self.reshape(-1).gather(0, indices.reshape(-1))
        axis = shapes.axis(dim, self.ndim)
        ones = [n if i != axis else 1 for i, n in enumerate(self.shape)]
        other = [n if i != axis else 1 for i, n in enumerate(indices.shape)]
        common = list(shapes.broadcast(tuple(ones), tuple(other)))
        own, wanted = common.copy(), common
        own[axis], wanted[axis] = self.shape[axis], indices.shape[axis]
        return self.expand(own).gather(axis, indices.expand(wanted))

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where `mask` holds, in a row."""
        shape = shapes.broadcast(tuple(self.shape), tuple(mask.shape))
        return self.expand(shape)[mask.expand(shape)]

    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """self with its elements under `mask` replaced by those of source, in order."""
        _check_same_dtype(self, source, "masked_scatter")
        x = self.expand(shapes.broadcast(tuple(self.shape), tuple(mask.shape)))
        mask = mask.expand(x.shape)
        turn = (mask.reshape(-1).cumsum(0) - 1).reshape(x.shape)  # the how-manieth of source
        return source.reshape(-1)[turn.masked_fill(~mask, 0)].where(mask, x)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Methods) and index.dtype.name == "bool"


def _check_same_dtype(x: Any, src: Any, what: str) -> None:
    if x.dtype is not src.dtype:
        raise DtypeError(
            "CR204",
            f"{what}: {src.dtype} elements cannot go into a {x.dtype} tensor; convert them, "
            f"src.to({x.dtype})",
        )


def _check_along(x: Any, index: Any, axis: int, what: str) -> None:
    if 0 in index.shape:
        return
    fits = index.ndim == x.ndim and all(
        n <= m for i, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis
    )
    if not fits:
        raise ShapeError(
            "CR102",
            f"{what}: an index of shape {tuple(index.shape)} does not fit a tensor of shape "
            f"{tuple(x.shape)}; all axes but {axis} must be as large or smaller",
        )


def _fitted(value: Tensor, place: shapes.Shape) -> Tensor:
    """`value` without leading axes of size 1 that `place` lacks; raises if it does not fit."""
    extra = len(value.shape) - len(place)
    trimmed = tuple(value.shape)
    if extra > 0 and trimmed[:extra] == (1,) * extra:
        trimmed = trimmed[extra:]
    if len(trimmed) > len(place) or shapes.broadcast(trimmed, tuple(place)) != tuple(place):
        raise ShapeError(
            "CR102",
            f"a value of shape {tuple(value.shape)} does not fit into the place {place}",
        )
    return value if extra <= 0 else value.reshape(trimmed)
