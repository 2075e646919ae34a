"""Order: sorting, the largest few, distinct values and how often they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentError, DtypeError, ShapeError
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


class Sort(ValuesAndIndices):
    """The elements in order, and where each came from."""


class Topk(ValuesAndIndices):
    """The largest or smallest few, and where they stand."""


class Kthvalue(ValuesAndIndices):
    """One place of the order, and where its element stands."""


class Median(ValuesAndIndices):
    """The middle of the order, and where its element stands."""


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

    def topk(
        self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
    ) -> ValuesAndIndices:
        """The k largest (or smallest) elements along `dim`, in order, and where they are."""
        size = self.shape[shapes.axis(dim, self.ndim)] if self.ndim else 1
        if not 0 <= k <= size:
            raise ArgumentError("CR902", f"topk: k={k} of an axis with {size} elements")
        order = self.argsort(dim, descending=largest)
        indices = order.narrow(dim, 0, k) if self.ndim else order
        return Topk(self.gather(dim, indices), indices)

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
        """The k-th smallest element along `dim`, counted from 1, and where it is."""
        size = self.shape[shapes.axis(dim, self.ndim)] if self.ndim else 1
        if not 1 <= k <= size:
            raise ArgumentError("CR902", f"kthvalue: k={k} of an axis with {size} elements")
        return Kthvalue(*self._in_order(k - 1, dim, keepdim))

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The middle element, the lower of two; with `dim` along it, and where it is.

        Notes: nan if there is a nan.
        """
        if dim is None:
            return self.reshape(-1).median(0).values
        size = self.shape[shapes.axis(dim, self.ndim)] if self.ndim else 1
        if size == 0:
            raise ShapeError("CR108", f"median() of no elements, shape {tuple(self.shape)}")
        has_nan = self.isnan().any(dim, keepdim=True).long()
        middle = (size - 1) // 2
        return Median(*self._in_order(middle + has_nan * (size - 1 - middle), dim, keepdim))

    def mode(self, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
        """The most frequent element along `dim`, the smallest of equals, and where it is.

        Notes: compares every pair along `dim`.
        """
        ordered = self.sort(dim).values.movedim(dim, -1) if self.ndim else self.reshape(1)
        if ordered.shape[-1] == 0:
            raise ShapeError("CR108", f"mode() of no elements, shape {tuple(self.shape)}")
        counts = (ordered.unsqueeze(-1) == ordered.unsqueeze(-2)).sum(-1)
        place = counts.argmax(-1, keepdim=True).movedim(-1, dim if self.ndim else 0)
        return Mode(*self._in_order(place if self.ndim else 0, dim, keepdim))

    def _in_order(self, place: Any, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
        """The elements at a place of the order along `dim`, and their positions."""
        order = self.argsort(dim)
        if isinstance(place, int):
            found = order.narrow(dim, place, 1) if self.ndim else order
        else:
            found = order.gather(dim, place)
        values = self.gather(dim, found)
        return (values, found) if keepdim else (values.squeeze(dim), found.squeeze(dim))

    def unique(
        self,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
    ) -> Any:
        """The distinct elements (or slices along `dim`) in order.

        With return_inverse also where each element stands among them, with return_counts
        also how often each occurs.
        """
        array = self.detach()._readable_array("unique()")
        values, inverse, counts = np.unique(
            array, return_inverse=True, return_counts=True, axis=dim, equal_nan=False
        )
        found = [self._of(values)._cast(self._cell.array.dtype)]
        if return_inverse:
            found.append(self._of(inverse.reshape(array.shape if dim is None else -1)))
        if return_counts:
            found.append(self._of(counts))
        return found[0] if len(found) == 1 else tuple(found)

    def bincount(self, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
        """How often each whole number from 0 on occurs, or the sum of its weights."""
        array = self._array("bincount()")
        if self.is_floating_point():
            raise DtypeError("CR202", f"bincount() counts whole numbers, not {self.dtype}")
        if array.ndim != 1 or (array.size and array.min() < 0):
            raise ShapeError(
                "CR109", f"bincount() takes a vector of numbers ≥ 0, got shape {array.shape}"
                + (f" with the element {array.min()}" if array.size else "")
            )  # fmt: skip
        if weights is None:
            return self._of(np.bincount(array, minlength=minlength))
        kept = weights._readable_array("bincount()")
        counted = np.bincount(array, kept, minlength)
        return self._of(counted.astype(kept.dtype if kept.dtype == np.float32 else np.float64))

    def isin(self, test_elements: Any, *, invert: bool = False) -> Tensor:
        """Whether each element is one of `test_elements`."""
        if not isinstance(test_elements, Methods):
            return self != test_elements if invert else self == test_elements
        found = (self.unsqueeze(-1) == test_elements.reshape(-1)).any(-1)
        return ~found if invert else found
