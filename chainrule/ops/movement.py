"""Movement: the same elements in another arrangement, joined, cut or padded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, shapes
from chainrule.errors import DtypeError, GradientError, ShapeError
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

    def put(x, part, shape):
        return part.reshape(x.shape)


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

    def put(x, part, axes):
        return Permute.vjp_x(part, axes)


class Expand(Movement):
    """Axes of size 1 repeated without copying; new axes in front."""

    is_view = True

    def forward(x, *, shape):
        return np.broadcast_to(x, shape)

    def shape(x, *, shape):
        return shape

    def vjp_x(g, x_shape):
        return g.sum_to_size(x_shape)

    def put(x, part, shape):
        if x.numel() != part.numel():
            raise GradientError(
                "CR304",
                f"a tensor {tuple(x.shape)} expanded to {shape} holds each element several "
                "times, which cannot be written to one by one; clone() it first",
            )
        return part.reshape(x.shape)


class Flip(Movement):
    """The order along some axes reversed."""

    def forward(x, *, axes):
        return np.flip(x, axes)

    def shape(x, *, axes):
        return x

    def vjp_x(g, axes):
        return g.flip(axes)


class MovementMethods(Methods):
    """What a user calls. Results are values of their own; see design of in-place writes."""

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements under another shape; one size may be -1."""
        old = tuple(self.shape)
        new = shapes.resolve(shapes.flat(shape), math.prod(old), old)
        return self._apply(Reshape, self, shape=new)

    def view(self, *size: Any) -> Tensor:
        """As reshape; with a dtype of equal size, the same bits read as another type."""
        if len(size) == 1 and isinstance(size[0], dtypes.dtype):
            return self._reinterpret(size[0])
        return self.reshape(*size)

    def _reinterpret(self, dtype: dtypes.dtype) -> Tensor:
        if dtype.itemsize != self.element_size():
            raise DtypeError(
                "CR202",
                f"view() reads the bits of {self.dtype} as a type of the same size; {dtype} "
                f"has {dtype.itemsize} bytes. To convert the numbers use x.to({dtype})",
            )
        array = self.detach()._array("view(dtype)")
        bits = np.ascontiguousarray(array).reshape(array.shape).view(dtype.numpy)
        return self._of(bits)._as_view_of(self)

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
        rank = self.ndim
        if rank < 2:
            return self.transpose(-2, -1)
        order = (*range(rank - 2), rank - 1, rank - 2)
        return self._apply(Permute, self, axes=order)

    @property
    def mH(self) -> Tensor:
        """As mT; the two differ for complex numbers only."""
        return self.mT

    def adjoint(self) -> Tensor:
        """As mT; the two differ for complex numbers only."""
        return self.mT

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix."""
        if self.ndim not in (0, 2):
            raise ShapeError(
                "CR109", f".H is for matrices, got shape {tuple(self.shape)}; use .mT"
            )
        return self.t()

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
        kept = tuple([n for i, n in enumerate(self.shape) if i not in over or n != 1])
        return self._apply(Reshape, self, shape=kept)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a new axis of size 1 at `dim`."""
        at = shapes.axis(dim, self.ndim + 1)
        shape = self._cell.array.shape
        return self._apply(Reshape, self, shape=(*shape[:at], 1, *shape[at:]))

    def expand(self, *size: Any) -> Tensor:
        """Axes of size 1 repeated to `size`, without copying; -1 keeps a size."""
        wanted, old = shapes.flat(size), tuple(self.shape)
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
        y: Any = self.sum(range(extra)) if extra else self
        stretched = [i for i, n in enumerate(wanted) if n == 1 != y.shape[i]]
        y = y.sum(stretched, keepdim=True) if stretched else y
        if tuple(y.shape) != wanted:
            raise ShapeError(
                "CR102", f"sum_to_size: {wanted} does not broadcast to {tuple(self.shape)}"
            )
        return y

    def flip(self, *dims: Any) -> Tensor:
        """The order along `dims` reversed."""
        listed = shapes.flat(dims)
        return self._apply(Flip, self, axes=shapes.axes(listed, self.ndim) if listed else ())

    def fliplr(self) -> Tensor:
        return self.flip(1)

    def flipud(self) -> Tensor:
        return self.flip(0)

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
        """Turned k times by 90° from the first axis of `dims` towards the second."""
        if len(dims) != 2 or len(shapes.axes(tuple(dims), self.ndim)) != 2:
            raise ShapeError(
                "CR109", f"rot90 turns in the plane of two axes, got dims={tuple(dims)}"
            )
        first, second = dims
        y: Any = self
        if k % 4 in (1, 2):
            y = y.flip(second)
        if k % 4 in (2, 3):
            y = y.flip(first)
        return y.transpose(first, second) if k % 2 else y.clone()

    def contiguous(self, *, memory_format: Any = None) -> Tensor:
        """The tensor itself: every tensor here reads as row-major.

        Notes: of a turned or repeated view, whose elements PyTorch would copy here, a value
        of its own, which may be written to.
        """
        base = self._base() if self._base is not None else None
        held = (self._cell.array, base.array) if base is not None else ()
        scattered = all(isinstance(array, np.ndarray) for array in held) and [
            array.flags.c_contiguous for array in held
        ] == [False, True]
        return self._twin() if scattered else self  # type: ignore[return-value]
