"""Movement: the same elements in another arrangement, joined, cut or padded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.tensor.tensor import Tensor


class Movement(Primitive, abstract=True):
    """The family: no arithmetic, so every element type as it is."""

    widens_halves = False


class Reshape(Movement):
    """The same elements in row-major order under another shape."""

    is_view = True

    def forward(x, *, shape):
        return x.reshape(shape)

    def shape(x, *, shape):
        return shape

    def vjp_x(g, x_shape):
        return g.reshape(x_shape)


class Permute(Movement):
    """The axes in another order: axis i of the result is axis axes[i] of x."""

    is_view = True

    def forward(x, *, axes):
        return x.transpose(axes)

    def shape(x, *, axes):
        return tuple([x[i] for i in axes])

    def vjp_x(g, axes):
        back = sorted(range(len(axes)), key=axes.__getitem__)
        return g.permute(*back)


class Expand(Movement):
    """Axes of size 1 repeated without copying; new axes in front."""

    is_view = True

    def forward(x, *, shape):
        return np.broadcast_to(x, shape)

    def shape(x, *, shape):
        return shape

    def vjp_x(g, x_shape):
        return g.sum_to_size(x_shape)


class Flip(Movement):
    """The order along some axes reversed."""

    def forward(x, *, axes):
        return np.flip(x, axes)

    def shape(x, *, axes):
        return x

    def vjp_x(g, axes):
        return g.flip(axes)


class Slice(Movement):
    """Part of each axis: from start, in steps, up to stop."""

    is_view = True

    def forward(x, *, slices):
        return x[tuple([slice(*part) for part in slices])]

    def shape(x, *, slices):
        return tuple([len(range(*part)) for part in slices])

    def vjp_x(g, x_shape, slices):
        return g._apply(SliceInto, g.new_zeros(x_shape), g, slices=slices)


class SliceInto(Movement):
    """x with the part that `slices` names replaced by v."""

    def forward(x, v, *, slices):
        y = x.copy()
        y[tuple([slice(*part) for part in slices])] = v
        return y

    def shape(x, v, *, slices):
        return x

    def vjp_x(g, v_shape, slices):
        return g._apply(SliceInto, g, g.new_zeros(v_shape), slices=slices)

    def vjp_v(g, slices):
        return g._apply(Slice, g, slices=slices)


class Pad(Movement):
    """x inside a border of `value`: widths holds (before, after) for each axis."""

    def forward(x, *, widths, value):
        return np.pad(x, widths, constant_values=np.asarray(value).astype(x.dtype))

    def shape(x, *, widths, value):
        return tuple([n + low + high for n, (low, high) in zip(x, widths, strict=True)])

    def vjp_x(g, x_shape, widths):
        parts = [(low, low + n, 1) for n, (low, _) in zip(x_shape, widths, strict=True)]
        return g._apply(Slice, g, slices=tuple(parts))


class Concatenate(Movement):
    """Tensors one after the other along an axis."""

    def forward(*xs, axis):
        return np.concatenate(xs, axis)

    def shape(*xs, axis):
        total = sum(x[axis] for x in xs)
        return (*xs[0][:axis], total, *xs[0][axis + 1 :])

    def vjp_xs(g, index, xs_shapes, axis):
        start = sum(shape[axis] for shape in xs_shapes[:index])
        return g.narrow(axis, start, xs_shapes[index][axis])


class MovementMethods(Methods):
    """What a user calls. Results are values of their own; see design of in-place writes."""

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements under another shape; one size may be -1."""
        old = tuple(self.shape)
        new = shapes.resolve(shapes.flat(shape), math.prod(old), old)
        return self._apply(Reshape, self, shape=new)

    def view(self, *shape: Any) -> Tensor:
        """As reshape; with a dtype of equal size, the same bits read as another type."""
        if shape and not isinstance(shape[0], (int, tuple, list, np.integer)):
            return self._reinterpret(shape[0])
        return self.reshape(*shape)

    def view_as(self, other: Tensor) -> Tensor:
        return self.reshape(other.shape)

    reshape_as = view_as

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """The axes from start_dim to end_dim made one."""
        if self.ndim == 0:
            return self.reshape(1)
        first, last = shapes.axis(start_dim, self.ndim), shapes.axis(end_dim, self.ndim)
        if first > last:
            raise ShapeError(
                "CR109", f"flatten: start_dim {start_dim} comes after end_dim {end_dim}"
            )
        middle = math.prod(self.shape[first : last + 1])
        return self.reshape(*self.shape[:first], middle, *self.shape[last + 1 :])

    ravel = flatten

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Tensor:
        """One axis made several, row-major."""
        at = shapes.axis(dim, self.ndim)
        inner = shapes.resolve(tuple(sizes), self.shape[at], (self.shape[at],))
        return self.reshape(*self.shape[:at], *inner, *self.shape[at + 1 :])

    def permute(self, *dims: Any) -> Tensor:
        """The axes in the order `dims`."""
        order = tuple(shapes.axis(dim, self.ndim) for dim in shapes.flat(dims))
        if sorted(order) != list(range(self.ndim)):
            raise ShapeError(
                "CR109",
                f"permute{shapes.flat(dims)} does not name each of the {self.ndim} axes once",
            )
        return self._apply(Permute, self, axes=order)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        if not order:
            return self.permute()
        a, b = shapes.axis(dim0, self.ndim), shapes.axis(dim1, self.ndim)
        order[a], order[b] = b, a
        return self._apply(Permute, self, axes=tuple(order))

    swapaxes = swapdims = transpose

    def t(self) -> Tensor:
        """The transpose of a matrix; a vector stays."""
        if self.ndim > 2:
            raise ShapeError(
                "CR109", f"t() is for at most 2 axes, got shape {tuple(self.shape)}; use .mT"
            )
        return self.transpose(0, -1)

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return self._apply(Permute, self, axes=tuple(range(self.ndim - 1, -1, -1)))

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return self.transpose(-2, -1)

    def movedim(self, source: Any, destination: Any) -> Tensor:
        """Axes moved to other places, the rest in order."""
        sources = [shapes.axis(d, self.ndim) for d in shapes.flat((source,))]
        targets = [shapes.axis(d, self.ndim) for d in shapes.flat((destination,))]
        order = [i for i in range(self.ndim) if i not in sources]
        for target, axis in sorted(zip(targets, sources, strict=True)):
            order.insert(target, axis)
        return self.permute(*order)

    moveaxis = movedim

    def squeeze(self, dim: int | tuple[int, ...] | None = None) -> Tensor:
        """Without the axes of size 1, or without those of `dim` that have size 1."""
        over = shapes.axes(dim, self.ndim) if dim != () else ()
        kept = [n for i, n in enumerate(self.shape) if i not in over or n != 1]
        return self.reshape(kept)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a new axis of size 1 at `dim`."""
        at = shapes.axis(dim, self.ndim + 1)
        return self.reshape(*self.shape[:at], 1, *self.shape[at:])

    def expand(self, *sizes: Any) -> Tensor:
        """Axes of size 1 repeated to `sizes`, without copying; -1 keeps a size."""
        wanted, old = shapes.flat(sizes), tuple(self.shape)
        offset = len(wanted) - len(old)
        if offset >= 0:
            padded = (None,) * offset + old
            new = tuple([n if w == -1 else w for w, n in zip(wanted, padded, strict=True)])
            fits = (n in (None, 1, w) for w, n in zip(new, padded, strict=True))
            if None not in new and all(fits):
                return self._apply(Expand, self, shape=new)
        raise ShapeError(
            "CR102", f"cannot expand {old} to {wanted}: only axes of size 1 can be repeated"
        )

    def expand_as(self, other: Tensor) -> Tensor:
        return self.expand(other.shape)

    def broadcast_to(self, size: Sequence[int]) -> Tensor:
        return self.expand(*size)

    def sum_to_size(self, *size: Any) -> Tensor:
        """The sum over the axes that broadcasting from `size` would stretch."""
        wanted = shapes.flat(size)
        extra = self.ndim - len(wanted)
        padded = (1,) * extra + wanted
        over = [i for i, n in enumerate(self.shape) if padded[i] == 1 and (n != 1 or i < extra)]
        y: Any = self.sum(over, keepdim=True) if over else self
        return y.reshape(wanted)

    def repeat(self, *sizes: Any) -> Tensor:
        """Whole copies side by side, sizes[i] of them along axis i."""
        times = shapes.flat(sizes)
        if len(times) < self.ndim:
            raise ShapeError(
                "CR109", f"repeat{times} needs a number for each of the {self.ndim} axes"
            )
        old = (1,) * (len(times) - self.ndim) + tuple(self.shape)
        apart = [n for size in old for n in (1, size)]
        spread = [n for pair in zip(times, old, strict=True) for n in pair]
        joined = [n * size for n, size in zip(times, old, strict=True)]
        return self.reshape(apart).expand(spread).reshape(joined).clone()

    tile = repeat

    def flip(self, *dims: Any) -> Tensor:
        """The order along `dims` reversed."""
        return self._apply(Flip, self, axes=shapes.axes(shapes.flat(dims) or (), self.ndim))

    def fliplr(self) -> Tensor:
        return self.flip(1)

    def flipud(self) -> Tensor:
        return self.flip(0)

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Elements shifted along `dims`; those that fall off come back in front."""
        if dims is None:
            return self.flatten().roll(shifts, 0).reshape(self.shape)
        y: Any = self
        for shift, dim in zip(shapes.flat((shifts,)), shapes.flat((dims,)), strict=True):
            size = y.shape[dim]
            cut = (size - shift) % size if size else 0
            y = y.concatenate([y.narrow(dim, cut, size - cut), y.narrow(dim, 0, cut)], dim)
        return y

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """`length` positions along `dim`, from `start`."""
        at, size = shapes.axis(dim, self.ndim), self.shape[dim]
        start = start + size if start < 0 else start
        if not (0 <= start <= size and 0 <= length <= size - start):
            raise ShapeError(
                "CR109",
                f"narrow(dim={dim}, start={start}, length={length}) passes the end of an axis "
                f"of size {size}",
            )
        whole = [(0, n, 1) for n in self.shape]
        whole[at] = (start, start + length, 1)
        return self._apply(Slice, self, slices=tuple(whole))

    def select(self, dim: int, index: int) -> Tensor:
        """Position `index` along `dim`, the axis gone."""
        return self.narrow(dim, index, 1).squeeze(dim)

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces of a size (the last may be smaller), or of the sizes given."""
        total = self.shape[shapes.axis(dim, self.ndim)]
        if isinstance(split_size, int):
            if split_size <= 0:
                raise ArgumentError("CR902", f"split_size must be positive, got {split_size}")
            starts = range(0, max(total, 1), split_size)
            sizes = [min(split_size, total - start) for start in starts]
        else:
            sizes = list(split_size)
        if sum(sizes) != total:
            raise ShapeError(
                "CR109", f"split sizes {sizes} add up to {sum(sizes)}, the axis has {total}"
            )
        ends = np.cumsum([0, *sizes]).tolist()
        return tuple(self.narrow(dim, a, b - a) for a, b in zip(ends, ends[1:], strict=False))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` pieces of equal size, the last perhaps smaller."""
        size = self.shape[shapes.axis(dim, self.ndim)]
        return self.split(max(-(-size // chunks), 1), dim)

    def tensor_split(self, sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces as equal as can be, or cut at the positions given."""
        size = self.shape[shapes.axis(dim, self.ndim)]
        if isinstance(sections, int):
            small, larger = divmod(size, sections)
            return self.split([small + (i < larger) for i in range(sections)], dim)
        ends = [0, *[min(max(c, 0), size) for c in sections], size]
        pairs = zip(ends, ends[1:], strict=False)
        return tuple(self.narrow(dim, a, max(b - a, 0)) for a, b in pairs)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, the axis gone."""
        return tuple(self.select(dim, i) for i in range(self.shape[dim]))

    def concatenate(self, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        """Tensors one after the other along `dim`; self is not among them unless listed."""
        parts = [t for t in tensors if tuple(t.shape) != (0,)] or list(tensors[:1])
        at = shapes.axis(dim, parts[0].ndim)
        first = parts[0].shape
        for i, part in enumerate(parts):
            same = [n for j, n in enumerate(part.shape) if j != at]
            if len(part.shape) != len(first) or same != [*first[:at], *first[at + 1 :]]:
                raise ShapeError(
                    "CR109",
                    f"cat along dim {dim}: tensor {i} has shape {tuple(part.shape)}, the first "
                    f"has {tuple(first)}; all axes but {dim} must agree",
                )
        return self._apply(Concatenate, *_common(parts), axis=at)

    def pad_constant(self, widths: Sequence[tuple[int, int]], value: float = 0) -> Tensor:
        """A border of `value`: (before, after) for each axis; negative widths cut."""
        cut = [(max(-low, 0), n - max(-high, 0)) for n, (low, high) in
               zip(self.shape, widths, strict=True)]  # fmt: skip
        y: Any = self
        if any((low, high) != (0, n) for n, (low, high) in zip(self.shape, cut, strict=True)):
            parts = tuple((low, high, 1) for low, high in cut)
            y = self._apply(Slice, self, slices=parts)
        positive = tuple((max(low, 0), max(high, 0)) for low, high in widths)
        if y.dtype.name == "bfloat16" and value != 0:
            return y.float().pad_constant(positive, value).to(y.dtype)
        return y._apply(Pad, y, widths=positive, value=value)

    def contiguous(self, *, memory_format: Any = None) -> Tensor:
        """The tensor itself: every tensor here reads as row-major."""
        return self  # type: ignore[return-value]


def _common(tensors: Sequence[Tensor]) -> list[Tensor]:
    """All with the element type that holds each of them."""
    y = tensors[0]
    for tensor in tensors[1:]:
        y = y._promoted(tensor)[0]
    dtype = y._cell.array.dtype
    return [tensor._cast(dtype) for tensor in tensors]
