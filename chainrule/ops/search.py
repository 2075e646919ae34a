"""Where values stand in sorted sequences, and whether they are in a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.dtypes import bool_
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class SearchSorted(Primitive):
    """Where values would be put into sorted sequences: before equal elements, or after.

    Shapes:  sequence (n,), values any; or sequence (…, n), values (…, m)
    Notes: n is the place of nan. Rows are halved together, until each has one place left.
    """

    def forward(sequence, values, *, right):
        if sequence.ndim == 1:
            return np.searchsorted(sequence, values, "right" if right else "left")
        low = np.zeros(values.shape, np.int64)
        high = np.full(values.shape, sequence.shape[-1])
        while (low < high).any():
            middle = (low + high) // 2
            found = np.take_along_axis(sequence, np.minimum(middle, sequence.shape[-1] - 1), -1)
            beyond = (~(found > values) if right else ~(found >= values)) & (low < high)
            low = np.where(beyond, middle + 1, low)
            high = np.where(beyond, high, middle)
        return low

    def shape(sequence, values, *, right):
        if len(sequence) == 1 or sequence[:-1] == values[:-1]:
            return values
        raise ShapeError(
            "CR121",
            f"searchsorted() of values {values} in sequences {sequence}: there is one vector, "
            "or one sequence for each row of values, so that all sizes but the last agree",
        )

    def dtype(sequence, values, *, right):
        return np.dtype(np.int64)


class SearchMethods(Methods):
    """What a user calls."""

    def searchsorted(
        self,
        input: Any,
        *,
        out_int32: bool = False,
        right: bool = False,
        side: str | None = None,
        sorter: Tensor | None = None,
    ) -> Tensor:
        """Where the values of `input` would be put into this sorted sequence.

        Args:
            right, side: before the elements that equal a value (False, "left") or after them
            sorter: the order of the sequence, as argsort gives it, if it is not sorted itself
        """
        if side not in (None, "left", "right") or (right and side == "left"):
            raise ArgumentError(
                "CR902", f'searchsorted: side is "left" or "right", got {side!r}, right={right}'
            )
        ordered = self if sorter is None else self.gather(-1, sorter)
        sequence, values = ordered._promoted(input)
        after = right or side == "right"
        y = self._apply(SearchSorted, sequence, values, right=after)
        return y.int() if out_int32 else y

    def isin(
        self, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
    ) -> Tensor:
        """Whether each element is one of `test_elements`; no nan is.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1, 2, 3]).isin(cr.tensor([3, 5]))
            tensor([False, False,  True])
        """
        if not isinstance(test_elements, Methods):
            found = self == test_elements
        elif test_elements.numel() == 0:
            found = self.new_zeros(self.shape, dtype=bool_)
        else:
            x, among = self.detach()._promoted(test_elements.detach().reshape(-1))
            ordered = among.sort().values
            place = ordered.searchsorted(x).clamp(max=ordered.numel() - 1)
            found = ordered[place] == x
        return ~found if invert else found
