"""Parts of tensors cut out, tensors joined, borders added."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, shapes
from chainrule.errors import ArgumentError, AxisError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.ops.movement import Movement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.tensor.tensor import Tensor


class Slice(Movement):
    """Part of each axis: from start, in steps, up to stop."""

    is_view = True

    def forward(x, *, slices):
        return x[tuple([slice(*part) for part in slices])]

    def shape(x, *, slices):
        return tuple([len(range(*part)) for part in slices])

    def vjp_x(g, x_shape, slices):
        return g._apply(SliceInto, g.new_zeros(x_shape), g, slices=slices)

    def put(x, part, slices):
        return x._apply(SliceInto, x, part, slices=slices)


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
        shape = Pad.shape(x.shape, widths=widths, value=value)
        y = np.full(shape, dtypes.cast(np.asarray(value), x.dtype))
        y[tuple([slice(low, low + n) for n, (low, _) in zip(x.shape, widths)])] = x
        return y

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


class SlicingMethods(Methods):
    """What a user calls."""

    def unfold(self, dimension: int, size: int, step: int) -> Tensor:
        """Windows of `size` positions along an axis, `step` apart, as a new last axis."""
        at, length = self._axis_and_size(dimension)
        if not (0 < size <= length and step > 0):
            raise ShapeError(
                "CR109",
                f"unfold(dimension={dimension}, size={size}, step={step}) of an axis of size "
                f"{length}: windows must fit and the step be at least 1",
            )
        starts = np.arange(0, length - size + 1, step)
        places = self._of((starts[:, None] + np.arange(size)).reshape(-1))
        windows = self.index_select(at, places).unflatten(at, (len(starts), size))
        return windows.movedim(at + 1, -1)._as_view_of(self)

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """`length` positions along `dim`, from `start`."""
        at, size = self._axis_and_size(dim)
        first = start + size if start < 0 else start
        if not (0 <= first <= size and 0 <= length <= size - first):
            raise ShapeError(
                "CR109",
                f"narrow(dim={dim}, start={start}, length={length}) passes the end of an axis "
                f"of size {size}",
            )
        parts = [(0, n, 1) for n in self.shape]
        parts[at] = (first, first + length, 1)
        return self._apply(Slice, self, slices=tuple(parts))

    narrow_copy = narrow

    def select(self, dim: int, index: int) -> Tensor:
        """Position `index` along `dim`, the axis gone."""
        at, size = self._axis_and_size(dim)
        first = shapes.position(index, size, at)
        return self.narrow(at, first, 1).squeeze(at)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, the axis gone."""
        at, size = self._axis_and_size(dim)
        return tuple(self.select(at, i) for i in range(size))

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces of a size (the last may be smaller), or of the sizes given."""
        at, total = self._axis_and_size(dim)
        if isinstance(split_size, int):
            if split_size < 0 or (split_size == 0 and total):
                raise ArgumentError("CR902", f"split_size must be positive, got {split_size}")
            starts = range(0, max(total, 1), split_size or 1)
            sizes = [min(split_size, total - start) for start in starts]
        else:
            sizes = list(split_size)
        if sum(sizes) != total:
            raise ShapeError(
                "CR109", f"split sizes {sizes} add up to {sum(sizes)}, the axis has {total}"
            )
        ends = [0, *itertools.accumulate(sizes)]
        return tuple(self.narrow(at, a, b - a) for a, b in itertools.pairwise(ends))

    unsafe_split = split

    def split_with_sizes(self, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces of the sizes given."""
        return self.split(list(split_sizes), dim)

    unsafe_split_with_sizes = split_with_sizes

    def hsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
        """Cut along the second axis, a vector along its only one."""
        return self._cut("hsplit", indices_or_sections, 0 if self.ndim == 1 else 1, 1)

    def vsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
        """Cut along the first axis."""
        return self._cut("vsplit", indices_or_sections, 0, 2)

    def dsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
        """Cut along the third axis."""
        return self._cut("dsplit", indices_or_sections, 2, 3)

    def _cut(self, what: str, where: Any, dim: int, rank: int) -> tuple[Tensor, ...]:
        """Equal pieces, or cut at the positions given."""
        if self.ndim < rank:
            raise ShapeError(
                "CR109", f"{what} needs {rank} axes or more, got shape {tuple(self.shape)}"
            )
        if isinstance(where, int) and (where <= 0 or self.shape[dim] % where):
            raise ShapeError(
                "CR109",
                f"{what}: an axis of size {self.shape[dim]} cannot be cut into {where} equal "
                "pieces; tensor_split makes unequal ones",
            )
        return self.tensor_split(where, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` pieces of equal size, the last perhaps smaller."""
        at, size = self._axis_and_size(dim)
        if chunks <= 0:
            raise ArgumentError("CR902", f"chunk() makes at least one piece, got {chunks}")
        return self.split(-(-size // chunks), at) if size else (self,) * chunks  # type: ignore[return-value]

    unsafe_chunk = chunk

    def tensor_split(self, sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces as equal as can be, or cut at the positions given."""
        at, size = self._axis_and_size(dim)
        if isinstance(sections, Methods):
            sections = sections._array("tensor_split() with a tensor").tolist()
        if isinstance(sections, int):
            if sections <= 0:
                raise ArgumentError(
                    "CR902", f"tensor_split() makes at least one piece, got {sections}"
                )
            small, larger = divmod(size, sections)
            return self.split([small + (i < larger) for i in range(sections)], at)
        parts = [slice(a, b) for a, b in itertools.pairwise([None, *sections, None])]
        whole = (slice(None),) * at
        return tuple(self[(*whole, part)] for part in parts)

    def _axis_and_size(self, dim: int) -> tuple[int, int]:
        """`dim` counted from the front, and how long it is."""
        if self.ndim == 0:
            raise AxisError("CR103", "a 0-d tensor has no axis to be cut along")
        at = shapes.axis(dim, self.ndim)
        return at, self.shape[at]

    def concatenate(self, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        """Tensors one after the other along `dim`; self is not among them unless listed."""
        parts = [t for t in tensors if tuple(t.shape) != (0,)] or list(tensors[:1])
        if parts[0].ndim == 0:
            raise ShapeError("CR109", "0-d tensors cannot be concatenated; use stack()")
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
        return self._apply(Concatenate, *parts[0]._alike(*parts[1:]), axis=at)

    def pad_constant(self, widths: Sequence[tuple[int, int]], value: float = 0) -> Tensor:
        """A border of `value`: (before, after) for each axis; negative widths cut."""
        parts = tuple(
            (max(-low, 0), n - max(-high, 0), 1)
            for n, (low, high) in zip(self.shape, widths, strict=True)
        )
        y: Any = self
        if any((low, high) != (0, n) for n, (low, high, _) in zip(self.shape, parts)):
            y = self._apply(Slice, self, slices=parts)
        positive = tuple((max(low, 0), max(high, 0)) for low, high in widths)
        return y._apply(Pad, y, widths=positive, value=value)

    def repeat(self, *repeats: Any) -> Tensor:
        """Whole copies side by side, repeats[i] of them along axis i."""
        times = shapes.flat(repeats)
        if len(times) < self.ndim:
            raise ShapeError(
                "CR109", f"repeat{times} needs a number for each of the {self.ndim} axes"
            )
        old = (1,) * (len(times) - self.ndim) + tuple(self.shape)
        apart = [n for size in old for n in (1, size)]
        spread = [n for pair in zip(times, old, strict=True) for n in pair]
        joined = [n * size for n, size in zip(times, old, strict=True)]
        return self.reshape(apart).expand(spread).reshape(joined).clone()

    def tile(self, *dims: Any) -> Tensor:
        """As repeat, with 1 for the axes in front that are not named."""
        times = shapes.flat(dims)
        return self.repeat((1,) * (self.ndim - len(times)) + times)

    def repeat_interleave(
        self, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
    ) -> Tensor:
        """Each element (or slice along `dim`) several times, next to each other.

        Without `repeats`, self tells how often each of 0, 1, 2, … stands in the result.
        """
        if repeats is None:
            numbers = self._of(np.arange(self.numel()))
            return numbers.repeat_interleave(self, 0)
        if not isinstance(repeats, Methods) and repeats < 0:
            raise ArgumentError("CR902", f"repeats cannot be negative, got {repeats}")
        if dim is None:
            return self.flatten().repeat_interleave(repeats, 0)
        at, size = self._axis_and_size(dim)
        if isinstance(repeats, Methods):
            times = repeats._array("repeat_interleave() with a tensor")
            if times.size not in (1, size):
                raise ShapeError(
                    "CR109",
                    f"repeat_interleave: {times.size} numbers of repeats for {size} elements",
                )
            positions = np.repeat(np.arange(size), times)
            return self.index_select(at, self._of(positions))
        shape = list(self.shape)
        apart = self.unsqueeze(at + 1).expand(*shape[: at + 1], repeats, *shape[at + 1 :])
        return apart.flatten(at, at + 1).clone()

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Elements shifted along `dims`; those that fall off come back in front."""
        if dims is None:
            return self.flatten().roll(shifts, 0).reshape(self.shape)
        y: Any = self
        pairs = shapes.flat((shifts,)), shapes.flat((dims,))
        if len(pairs[0]) != len(pairs[1]):
            raise ShapeError(
                "CR109", f"roll needs a shift for each axis, got {shifts} for dims={dims}"
            )
        for shift, dim in zip(*pairs, strict=True):
            at, size = y._axis_and_size(dim)
            cut = -shift % size if size else 0
            y = y.concatenate([y.narrow(at, cut, size - cut), y.narrow(at, 0, cut)], at)
        return y
