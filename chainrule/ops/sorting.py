"""Order: sorting, the largest few, the middle and the most frequent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.extremum import ValuesAndIndices
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Argsort(Primitive):
    """Positions that put the elements along an axis in order; nan counts as the largest.

    Notes: equal elements keep their order, also when descending.
    """

    def forward(x, *, axis, descending):
        if not descending:
            return np.argsort(x, axis=axis, kind="stable")
        last = x.shape[axis] - 1
        return np.flip(last - np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)

    def shape(x, *, axis, descending):
        return x

    def dtype(x, *, axis, descending):
        return np.dtype(np.int64)


class TopPositions(Primitive):
    """Positions of the k largest (or smallest) along an axis, in order; nan is the largest.

    Notes: the k are parted from the rest in linear time, and only they are sorted.
    """

    def forward(x, *, k, axis, largest):
        size = x.shape[axis]
        if k == 0 or k == size:
            found = np.argsort(x, axis=axis, kind="stable")
        else:
            found = np.argpartition(x, size - k if largest else k - 1, axis=axis)
        found = _few(found, axis, size - k if largest else 0, k)
        order = np.argsort(np.take_along_axis(x, found, axis), axis=axis, kind="stable")
        found = np.take_along_axis(found, order, axis)
        return np.flip(found, axis) if largest else found

    def shape(x, *, k, axis, largest):
        return (*x[:axis], k, *x[axis + 1 :])

    def dtype(x, *, k, axis, largest):
        return np.dtype(np.int64)


def _few(x: np.ndarray, axis: int, start: int, count: int) -> np.ndarray:
    return x[(slice(None),) * axis + (slice(start, start + count),)]


class Sort(ValuesAndIndices):
    """The elements in order, and where each came from."""


class Topk(ValuesAndIndices):
    """The largest or smallest few, and where they stand."""


class Kthvalue(ValuesAndIndices):
    """One place of the order, and where its element stands."""


class Median(ValuesAndIndices):
    """The middle of the order, and where its element stands."""


class Nanmedian(ValuesAndIndices):
    """The middle of the order without nans, and where its element stands."""


class Mode(ValuesAndIndices):
    """The most frequent element, and where it stands."""


class SortingMethods(Methods):
    """What a user calls."""

    def argsort(
        self, dim: int = -1, descending: bool = False, *, stable: bool = False
    ) -> Tensor:
        """Positions that put the elements along `dim` in order."""
        axis = shapes.axis(dim, self.ndim)
        if self.ndim == 0:
            return self._of(np.zeros((), np.int64))
        return self._apply(Argsort, self, axis=axis, descending=descending)

    def sort(
        self, dim: int = -1, descending: bool = False, *, stable: bool = False
    ) -> ValuesAndIndices:
        """The elements along `dim` in order, and where each came from."""
        indices = self.argsort(dim, descending)
        return Sort(self.gather(dim, indices), indices)

    def msort(self) -> Tensor:
        """The elements along the first axis in order."""
        return self.sort(0).values

    def topk(
        self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
    ) -> ValuesAndIndices:
        """The k largest (or smallest) elements along `dim`, in order, and where they are.

        Notes: the rest is parted off, not sorted; `sorted=False` returns them in order too.
        """
        axis = shapes.axis(dim, self.ndim)
        size = self.shape[axis] if self.ndim else 1
        if not 0 <= k <= size:
            raise ArgumentError("CR902", f"topk: k={k} of an axis with {size} elements")
        x = self._not_bool("topk()", "convert first, x.int()")
        if self.ndim == 0:
            return Topk(x.clone(), x.argsort())
        indices = self._apply(TopPositions, x, k=k, axis=axis, largest=largest)
        return Topk(self.gather(axis, indices), indices)

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
        """The k-th smallest element along `dim`, counted from 1, and where it is."""
        size = self.shape[shapes.axis(dim, self.ndim)] if self.ndim else 1
        if not 1 <= k <= size:
            raise ArgumentError("CR902", f"kthvalue: k={k} of an axis with {size} elements")
        return Kthvalue(*self._in_order(k - 1, dim, keepdim))

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The middle element, the lower of two; with `dim` along it, and where it is.

        Notes: nan if there is a nan.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([3.0, 1.0, 2.0, 4.0]).median()
            tensor(2.)
        """
        if dim is None:
            return self._middle_of_all("median")
        last = self._last_place("median()", dim)
        middle = last // 2
        has_nan = self.isnan().any(dim, keepdim=True).long()
        return Median(*self._in_order(middle + has_nan * (last - middle), dim, keepdim))

    def nanmedian(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The median of the elements that are not nan; nan if there are none."""
        if dim is None:
            return self._middle_of_all("nanmedian")
        self._last_place("nanmedian()", dim)
        count = (~self.isnan()).sum(dim, keepdim=True)
        middle = ((count - 1) // 2).clamp(min=0)
        return Nanmedian(*self._in_order(middle, dim, keepdim))

    def _middle_of_all(self, name: str) -> Tensor:
        """The median without `dim`: elements that equal it share the gradient equally."""
        if self.numel() == 0 and self.is_floating_point():
            return self.sum() * math.nan
        x = self.reshape(-1)
        middle = getattr(x.detach(), name)(0).values
        if not x.requires_grad:
            return middle
        other = x < middle if name == "median" else (x < middle) | x.isnan()
        return x.masked_fill(other, math.inf).amin()

    def _last_place(self, what: str, dim: int) -> int:
        """The last place of an order along `dim`."""
        size = self.shape[shapes.axis(dim, self.ndim)] if self.ndim else 1
        if size == 0:
            raise ShapeError("CR108", f"{what} of no elements, shape {tuple(self.shape)}")
        return size - 1

    def mode(self, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
        """The most frequent element along `dim`, the smallest of equals, and its last place.

        Notes: in order, equal elements stand in runs; an element's place within its run is
        largest at the end of the longest one.
        """
        size = self._last_place("mode()", dim) + 1
        if self.ndim == 0:
            return Mode(*self._in_order(0, dim, keepdim))
        axis = shapes.axis(dim, self.ndim)
        ordered = self.detach().sort(axis).values.movedim(axis, -1)
        places = self._of(np.arange(size))
        starts = (ordered[..., 1:] != ordered[..., :-1]) * places[1:]
        starts = starts.pad_constant([(0, 0)] * (self.ndim - 1) + [(1, 0)], 0)
        within = places - starts.cummax(-1).values
        place = within.argmax(-1, keepdim=True).movedim(-1, axis)
        return Mode(*self._in_order(place, axis, keepdim))

    def _in_order(self, place: Any, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
        """The elements at a place of the order along `dim`, and their positions."""
        order = self.argsort(dim)
        if isinstance(place, int):
            found = order.narrow(dim, place, 1) if self.ndim else order
        else:
            found = order.gather(dim, place)
        values = self.gather(dim, found)
        return (values, found) if keepdim else (values.squeeze(dim), found.squeeze(dim))
