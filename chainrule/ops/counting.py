"""How often values occur: distinct values, counts of whole numbers, histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Histogram(NamedTuple):
    """What `histogram` returns."""

    hist: Tensor
    bin_edges: Tensor

    def __repr__(self) -> str:
        return (
            f"chainrule.return_types.histogram(\nhist={self.hist!r},\n"
            f"bin_edges={self.bin_edges!r})"
        )


class CountingMethods(Methods):
    """What a user calls."""

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
        inverse = inverse.reshape(array.shape if dim is None else -1)
        return self._distinct(values, inverse, counts, return_inverse, return_counts)

    def unique_consecutive(
        self, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any:
        """The elements (or slices along `dim`) without those that equal the one before.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1, 1, 2, 2, 1]).unique_consecutive()
            tensor([1, 2, 1])
        """
        array = self.detach()._readable_array("unique_consecutive()")
        axis = 0 if dim is None else shapes.axis(dim, array.ndim)
        line = array.reshape(-1) if dim is None else np.moveaxis(array, axis, 0)
        new = np.ones(len(line), bool)
        new[1:] = (line[1:] != line[:-1]).any(tuple(range(1, line.ndim)))
        starts = np.flatnonzero(new)
        counts = np.diff(starts, append=len(line))
        inverse = np.cumsum(new) - 1
        return self._distinct(
            np.moveaxis(line[starts], 0, axis),
            inverse.reshape(array.shape if dim is None else -1),
            counts,
            return_inverse,
            return_counts,
        )

    def _distinct(
        self,
        values: np.ndarray,
        inverse: np.ndarray,
        counts: np.ndarray,
        return_inverse: bool,
        return_counts: bool,
    ) -> Any:
        """As tensors, and only what was asked for."""
        found = [self._of(values)._cast(self._cell.array.dtype)]
        if return_inverse:
            found.append(self._of(inverse))
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

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        """How many elements fall into each of `bins` equal parts of min … max.

        Args: min, max: the range, its end included; equal ones stand for that of the elements.
        Notes: elements outside are left out, nan too.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1.0, 2.0, 1.0]).histc(4, 0, 3)
            tensor([0., 2., 1., 0.])
        """
        if max < min:
            raise ArgumentError("CR902", f"histc: max={max} is below min={min}")
        return self.histogram(bins, range=None if min == max else (min, max)).hist

    def histogram(
        self,
        bins: Any,
        *,
        range: tuple[float, float] | None = None,
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Histogram:
        """How many elements fall between each two edges (the last of which belongs to its bin).

        Args:
            bins: how many equal parts, or the edges, increasing
            range: where the first starts and the last ends; by default at the extremes
            weight: what each element counts for; by default 1
            density: divided by the total and the widths, so that the integral is 1
        """
        x = self._must_float("histogram()").detach().reshape(-1)
        edges: Any = bins if isinstance(bins, Methods) else x._equal_parts(bins, range)
        last = edges.numel() - 2
        place = edges.searchsorted(x, right=True) - 1
        place = place.where(x != edges[-1], last)
        inside = (x >= edges[0]) & (x <= edges[-1])
        counted = x.ones_like() if weight is None else weight.reshape(-1)
        counted = counted.masked_fill(~inside, 0)
        hist = counted.new_zeros(last + 1).scatter_add(0, place.clamp(0, last), counted)
        if density:
            hist = hist / hist.sum() / (edges[1:] - edges[:-1])
        return Histogram(hist, edges)

    def _equal_parts(self, bins: int, range: tuple[float, float] | None) -> Tensor:
        """The edges of `bins` equal parts of the range, or of all elements."""
        if bins < 1:
            raise ArgumentError("CR902", f"a histogram has 1 bin or more, got bins={bins}")
        steps = self._of(np.arange(bins + 1))._cast(self._cell.array.dtype)
        if range is not None:
            low, high = self.new_tensor(range[0]), self.new_tensor(range[1])
        elif self.numel():
            low, high = self.amin(), self.amax()
        else:
            low, high = self.new_tensor(0.0), self.new_tensor(1.0)
        half = (low == high).to(self.dtype) / 2  # one value stands in the middle of 1
        low, high = low - half, high + half
        edges = low + steps * ((high - low) / bins)
        return high.where(steps == bins, edges)
