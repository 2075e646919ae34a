"""Indexing: reading and writing at positions given by tensors, and x[...] itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentTypeError, AxisError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.ops.movement import Slice, SliceInto
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.tensor.tensor import Tensor

INTEGER = np.dtype(np.int64)


class Index(Primitive):
    """Elements at positions: y = x[indices], the index tensors standing on `axes`.

    Shapes:  as NumPy's advanced indexing; the broadcast shape of the indices stands where
    they stood if they are neighbours, else in front.
    """

    widens_halves = False

    def forward(x, *indices, axes):
        return x[_place(indices, axes)]

    def shape(x, *indices, axes):
        return _indexed_shape(x, indices, axes)

    def vjp_x(g, x_shape, indices, axes):
        return g._apply(IndexAdd, g.new_zeros(x_shape), g, *indices, axes=axes)


class IndexAdd(Primitive):
    """x with v added at positions; what comes to one place adds up."""

    def forward(x, v, *indices, axes):
        if axes == (0,) and v.size:
            return _add_rows(x, v, indices[0])
        y = x.copy()
        np.add.at(y, _place(indices, axes), v)
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
        y[_place(indices, axes)] = v
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
        return np.take_along_axis(_cropped(x, index.shape, axis), index, axis)

    def shape(x, index, *, axis):
        return index

    def vjp_x(g, x_shape, index, axis):
        return g._apply(ScatterAdd, g.new_zeros(x_shape), index, g, axis=axis)


class ScatterAdd(Primitive):
    """x with v added along an axis: y[i, index[i, j]] += v[i, j]."""

    def forward(x, index, v, *, axis):
        y = np.ascontiguousarray(x).copy()
        flat = _flat_positions(x.shape, index, axis)
        part = v[tuple(map(slice, index.shape))]
        np.add.at(y.reshape(-1), flat.reshape(-1), part.reshape(-1))
        return y

    def shape(x, index, v, *, axis):
        return x

    def vjp_x(g):
        return g

    def vjp_v(g, index, v_shape, axis):
        return _to_shape(g._apply(Gather, g, index, axis=axis), v_shape)


class Scatter(Primitive):
    """x with elements replaced along an axis: y[i, index[i, j]] = v[i, j]."""

    widens_halves = False

    def forward(x, index, v, *, axis):
        y = x.copy()
        np.put_along_axis(
            _cropped(y, index.shape, axis), index, v[tuple(map(slice, index.shape))], axis
        )
        return y

    def shape(x, index, v, *, axis):
        return x

    def vjp_x(g, index, v_shape, axis):
        return g._apply(Scatter, g, index, g.new_zeros(v_shape), axis=axis)

    def vjp_v(g, index, v_shape, axis):
        return _to_shape(g._apply(Gather, g, index, axis=axis), v_shape)


def _place(indices: tuple[np.ndarray, ...], axes: shapes.Shape) -> tuple:
    """The NumPy index in which `indices` stand on `axes` and all else is whole."""
    place: list[Any] = [slice(None)] * (max(axes) + 1)
    for index, axis in zip(indices, axes, strict=True):
        place[axis] = index
    return tuple(place)


def _indexed_shape(x: shapes.Shape, indices: tuple, axes: shapes.Shape) -> shapes.Shape:
    drawn = shapes.broadcast(*map(tuple, indices))
    rest = [n for i, n in enumerate(x) if i not in axes]
    together = list(axes) == list(range(axes[0], axes[-1] + 1))
    at = axes[0] if together else 0
    return (*rest[:at], *drawn, *rest[at:])


def _add_rows(x: np.ndarray, v: np.ndarray, index: np.ndarray) -> np.ndarray:
    """x with the rows of v added where index says: sorted, so that each sum is one run."""
    rows = np.broadcast_to(v, (*index.shape, *x.shape[1:])).reshape(index.size, -1)
    position = index.reshape(-1) % x.shape[0]
    order = np.argsort(position, kind="stable")
    found, starts = np.unique(position[order], return_index=True)
    y = x.copy()
    sums = np.add.reduceat(rows[order], starts, axis=0)
    y[found] += sums.reshape(-1, *x.shape[1:])
    return y


def _cropped(x: np.ndarray, like: shapes.Shape, axis: int) -> np.ndarray:
    """x cut to the sizes of `like` on every axis but one."""
    if len(like) == x.ndim:
        cut = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(like))
        return x[cut]
    return x


def _flat_positions(shape: shapes.Shape, index: np.ndarray, axis: int) -> np.ndarray:
    """Where each element of index points in the flattened array."""
    place = list(np.ogrid[tuple(map(slice, index.shape))])
    place[axis] = index
    return np.ravel_multi_index(np.broadcast_arrays(*place), shape)


def _to_shape(g: Tensor, shape: shapes.Shape) -> Tensor:
    """g with zeros behind it on every axis, up to `shape`."""
    if tuple(g.shape) == shape:
        return g
    return g.pad_constant([(0, n - m) for n, m in zip(shape, g.shape, strict=True)])


class IndexingMethods(Methods):
    """What a user calls."""

    def __getitem__(self, index: Any) -> Tensor:
        """x[index] with whole numbers, slices, None, ..., masks, lists and tensors."""
        slices, shape, positions = _parse(self, index)
        y = self._sliced(slices, shape)
        return y._at_positions(positions) if positions else y

    def __setitem__(self, index: Any, value: Any) -> None:
        """x[index] = value; the gradient goes to `value` and to what stays of x."""
        slices, shape, positions = _parse(self, index)
        if not isinstance(value, Methods):
            value = self._of(np.asarray(value)) if _is_array(value) else self._number(
                value, self._cell.array.dtype
            )  # fmt: skip
        value = value._cast(self._cell.array.dtype)
        part = self.detach()._sliced(slices, shape)
        if positions:
            indices, axes = _resolve(part, positions)
            _check_fits(value.shape, _indexed_shape(part.shape, [i.shape for i in indices], axes))
            part = self._sliced(slices, shape)
            value = self._apply(IndexPut, part, value, *indices, axes=axes)
        else:
            _check_fits(value.shape, part.shape)
        whole = shapes_of(slices)
        if len(value.shape) > len(part.shape):
            value = value.reshape(value.shape[len(value.shape) - len(part.shape) :])
        value = value.expand(part.shape).reshape(whole)
        self._assign(self._apply(SliceInto, self, value, slices=slices), "x[...] = value")

    def _sliced(self, slices: tuple, shape: shapes.Shape) -> Any:
        x: Any = self
        if any(part != (0, n, 1) for part, n in zip(slices, self.shape, strict=True)):
            x = self._apply(Slice, self, slices=slices)
        return x if tuple(x.shape) == shape and x is not self else x.reshape(shape)

    def _at_positions(self, positions: dict[int, Any]) -> Tensor:
        indices, axes = _resolve(self, positions)
        return self._apply(Index, self, *indices, axes=axes)

    def gather(self, dim: int, index: Tensor) -> Tensor:
        """y[i, j] = self[i, index[i, j]] for dim = 1, and so on."""
        axis = shapes.axis(dim, self.ndim)
        if self.ndim == 0 or index.ndim == 0:
            return self.reshape(-1).gather(0, index.reshape(-1)).reshape(index.shape)
        _check_along(self, index, axis, "gather")
        return self._apply(Gather, self, _as_index(index, self.shape[axis]), axis=axis)

    def scatter(self, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
        """self with self[i, index[i, j]] = src[i, j] for dim = 1, and so on."""
        src = value if src is None else src
        if not isinstance(src, Methods):
            src = self._number(src, self._cell.array.dtype).expand(index.shape)
        axis = shapes.axis(dim, self.ndim)
        _check_along(self, index, axis, "scatter")
        at = _as_index(index, self.shape[axis])
        return self._apply(Scatter, self, at, src._cast(self._cell.array.dtype), axis=axis)

    def scatter_add(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """self with self[i, index[i, j]] += src[i, j] for dim = 1, and so on."""
        axis = shapes.axis(dim, self.ndim)
        _check_along(self, index, axis, "scatter_add")
        return self._apply(ScatterAdd, self, _as_index(index, self.shape[axis]), src, axis=axis)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The positions `index` along `dim`, in that order."""
        axis = shapes.axis(dim, self.ndim)
        return self._apply(
            Index, self, _as_index(index.reshape(-1), self.shape[axis]), axes=(axis,)
        )

    def index_add(self, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
        """self with alpha · source added at the positions `index` along `dim`."""
        axis = shapes.axis(dim, self.ndim)
        at = _as_index(index, self.shape[axis])
        return self._apply(IndexAdd, self, source if alpha == 1 else source * alpha, at,
                           axes=(axis,))  # fmt: skip

    def take(self, index: Tensor) -> Tensor:
        """Elements of the flattened tensor."""
        return self.reshape(-1)[index]

    def take_along_dim(self, indices: Tensor, dim: int) -> Tensor:
        return self.gather(dim, indices)

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where `mask` holds, in a row."""
        shape = shapes.broadcast(tuple(self.shape), tuple(mask.shape))
        return self.expand(shape)[mask.expand(shape)]

    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """self with its elements under `mask` replaced by those of source, in order."""
        positions = mask.expand(self.shape).nonzero(as_tuple=True)
        y = self.clone()
        y[positions] = source.reshape(-1)[: len(positions[0])]
        return y

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        """The positions of the elements that are not zero, a row each (or a tensor per axis)."""
        found = np.nonzero(self._array("nonzero()"))
        if as_tuple:
            return tuple(self._of(axis.astype(np.int64)) for axis in found)
        return self._of(np.stack(found, -1).astype(np.int64))

    argwhere = nonzero


def _is_array(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _parse(x: Any, index: Any) -> tuple[tuple, shapes.Shape, dict[int, Any]]:
    """An index taken apart, as PyTorch reads it: first the plain part, then the positions.

    Returns a slice (start, stop, step) for each axis of x, the shape after the plain part
    (whole numbers drop their axis, None adds one), and the index tensors by their axis in
    that shape.
    """
    entries = _entries(x, index)
    slices: list[tuple[int, int, int]] = []
    shape: list[int] = []
    positions: dict[int, Any] = {}
    for entry in entries:
        if entry is None:
            shape.append(1)
            continue
        size = x.shape[len(slices)]
        if isinstance(entry, bool):
            positions[len(shape)] = x._of(np.zeros(int(entry), np.int64))
            shape.append(1)
        elif isinstance(entry, int):
            at = _whole(entry, size, len(slices))
            slices.append((at, at + 1, 1))
        elif isinstance(entry, slice):
            part = _slice(entry, size)
            slices.append(part)
            shape.append(len(range(*part)))
        else:
            positions[len(shape)] = entry
            used = max(entry.ndim, 1) if entry.dtype.name == "bool" else 1
            for n in x.shape[len(slices) : len(slices) + used]:
                slices.append((0, n, 1))
                shape.append(n)
    return tuple(slices), tuple(shape), positions


def _entries(x: Any, index: Any) -> list[Any]:
    """The parts of an index with `...` spelled out and sequences made tensors."""
    parts = list(index) if isinstance(index, tuple) else [index]
    parts = [_normal(x, part) for part in parts]
    taken = sum(_axes_taken(part) for part in parts)
    if taken > x.ndim:
        raise AxisError(
            "CR103", f"too many indices: {taken} for a tensor of shape {tuple(x.shape)}"
        )
    fill = [slice(None)] * (x.ndim - taken)
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise AxisError("CR103", "an index may hold only one '...'")
    at = dots[0] if dots else len(parts)
    return [*parts[:at], *fill, *parts[at + 1 :]]


def _normal(x: Any, part: Any) -> Any:
    if isinstance(part, Methods):
        return part
    if isinstance(part, (np.integer, np.bool_)):
        return part.item()
    if _is_array(part) or isinstance(part, range):
        array = np.asarray(part)
        return x._of(array.astype(np.int64) if array.size == 0 else array)
    if part is None or part is Ellipsis or isinstance(part, (int, slice)):
        return part
    raise ArgumentTypeError(
        "CR903",
        f"a tensor is indexed by whole numbers, slices, None, ..., lists and tensors of "
        f"whole numbers or booleans; got {type(part).__name__}",
    )


def _axes_taken(part: Any) -> int:
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if isinstance(part, Methods) and part.dtype.name == "bool":
        return part.ndim
    return 1


def _whole(index: int, size: int, axis: int) -> int:
    if not -size <= index < size:
        raise AxisError(
            "CR103", f"index {index} is out of range for axis {axis}, which has {size} elements"
        )
    return index % size


def _slice(part: slice, size: int) -> tuple[int, int, int]:
    if part.step is not None and part.step <= 0:
        raise ArgumentTypeError("CR903", "a slice's step must be positive; use flip() instead")
    bounds = slice(*[None if b is None else int(b) for b in (part.start, part.stop, part.step)])
    start, stop, step = bounds.indices(size)
    return (start, max(start, stop), step)


def shapes_of(slices: tuple) -> shapes.Shape:
    """The shape that slices cut out."""
    return tuple([len(range(*part)) for part in slices])


def _resolve(x: Any, positions: dict[int, Any]) -> tuple[list[Tensor], shapes.Shape]:
    """Masks become the positions they mark; whole numbers are checked and counted up."""
    indices: list[Tensor] = []
    axes: list[int] = []
    for axis, index in positions.items():
        if index.dtype.name == "bool":
            _check_mask(x, index, axis)
            found = index.nonzero(as_tuple=True)
            indices += found
            axes += range(axis, axis + len(found))
        else:
            indices.append(_as_index(index, x.shape[axis]))
            axes.append(axis)
    return indices, tuple(axes)


def _check_mask(x: Any, mask: Any, axis: int) -> None:
    covered = tuple(x.shape[axis : axis + mask.ndim])
    if covered != tuple(mask.shape):
        raise ShapeError(
            "CR102",
            f"a mask of shape {tuple(mask.shape)} does not fit the axes {covered} it stands on",
        )


def _as_index(index: Any, size: int) -> Tensor:
    """An index as int64, within range."""
    if index.dtype.category != 1:
        raise ArgumentTypeError("CR903", f"an index tensor holds integers, got {index.dtype}")
    held = index._cell.array
    if isinstance(held, np.ndarray) and held.size:
        low, high = held.min(), held.max()
        if low < -size or high >= size:
            wrong = high if high >= size else low
            raise AxisError(
                "CR103", f"index {wrong} is out of range for an axis of {size} elements"
            )
    return index._cast(INTEGER)


def _check_along(x: Any, index: Any, axis: int, what: str) -> None:
    fits = index.ndim == x.ndim and all(
        n <= m for i, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis
    )
    if not fits:
        raise ShapeError(
            "CR102",
            f"{what}: an index of shape {tuple(index.shape)} does not fit a tensor of shape "
            f"{tuple(x.shape)}; all axes but {axis} must be as large or smaller",
        )


def _check_fits(value: Sequence[int], place: shapes.Shape) -> None:
    trimmed = tuple(value)
    while len(trimmed) > len(place) and trimmed[0] == 1:
        trimmed = trimmed[1:]
    if len(trimmed) > len(place) or shapes.broadcast(trimmed, place) != place:
        raise ShapeError(
            "CR102", f"a value of shape {tuple(value)} does not fit into the place {place}"
        )
