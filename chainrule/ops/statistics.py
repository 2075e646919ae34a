"""Quantiles, covariance, and sums and means that leave nans out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule import dtypes, shapes
from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods
from chainrule.ops.reduction import Dims

if TYPE_CHECKING:
    from chainrule.dtypes import dtype as Dtype
    from chainrule.tensor.tensor import Tensor

#: where a quantile between two elements lies
INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


class Levels(Elementwise):
    """q itself, if all its numbers are from 0 to 1.

    Raises:  ArgumentError (CR921), in forward.
    """

    def forward(q):
        if not q.size or (q.min() >= 0 and q.max() <= 1):
            return q
        raise ArgumentError(
            "CR921",
            f"quantile() takes levels q from 0 to 1, got {q.min():g} to {q.max():g}; "
            "the 25th percentile is q=0.25",
        )

    def vjp_q(g):
        return g


class StatisticsMethods(Methods):
    """What a user calls."""

    def quantile(
        self,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
    ) -> Tensor:
        """The values that a share q of the elements along `dim` does not exceed.

        Args:
            q: a number from 0 to 1, or a vector of them, which becomes the first axis
            interpolation: between two elements "linear", "lower", "higher", "midpoint" or
                "nearest"
        Notes: nan where there is a nan.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1.0, 2.0, 3.0, 4.0]).quantile(cr.tensor([0.25, 0.5]))
            tensor([1.7500, 2.5000])
        """
        return self._quantile(q, dim, keepdim, interpolation, ignore_nan=False)

    def nanquantile(
        self,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
    ) -> Tensor:
        """The quantile of the elements that are not nan; nan if there are none."""
        return self._quantile(q, dim, keepdim, interpolation, ignore_nan=True)

    def _quantile(
        self, q: Any, dim: int | None, keepdim: bool, interpolation: str, *, ignore_nan: bool
    ) -> Tensor:
        levels = self._levels(q, interpolation)
        x = self.reshape(-1) if dim is None or self.ndim == 0 else self.movedim(dim, -1)
        y = _at_levels(x.sort(-1).values, levels.reshape(-1), interpolation, ignore_nan)
        y = y.movedim(-1, 0)  # (levels, …)
        if keepdim:
            kept = shapes.axes(dim, self.ndim)
            y = y.reshape((y.shape[0], *shapes.reduced(self.shape, kept, True)))
        return y if levels.ndim else y.squeeze(0)

    def _levels(self, q: Any, interpolation: str) -> Tensor:
        """What quantile() is asked for, checked."""
        if self._cell.array.dtype not in (dtypes.float32.numpy, dtypes.float64.numpy):
            raise DtypeError(
                "CR203", f"quantile() needs float32 or float64, got {self.dtype}; x.float()"
            )
        if interpolation not in INTERPOLATIONS:
            raise ArgumentError(
                "CR902",
                f"quantile: interpolation is one of {', '.join(INTERPOLATIONS)}, "
                f"got {interpolation!r}",
            )
        if self.numel() == 0:
            raise ShapeError("CR108", f"quantile() of no elements, shape {tuple(self.shape)}")
        levels = q if isinstance(q, Methods) else self.new_tensor(q)
        if levels.dtype is not self.dtype or levels.ndim > 1:
            raise DtypeError(
                "CR204",
                f"quantile(): q is a number or a vector of type {self.dtype}, got "
                f"{levels.dtype} of shape {tuple(levels.shape)}",
            )
        return self._apply(Levels, levels)

    def nansum(
        self, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype | None = None
    ) -> Tensor:
        """Σ over `dim` of the elements that are not nan."""
        return self._without_nan().sum(dim, keepdim, dtype=dtype)

    def nanmean(
        self, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype | None = None
    ) -> Tensor:
        """The mean over `dim` of the elements that are not nan."""
        count = (~self._must_float("nanmean()").isnan()).sum(dim, keepdim)
        return self.nansum(dim, keepdim, dtype=dtype) / count

    def _without_nan(self) -> Any:
        return self.masked_fill(self.isnan(), 0) if self.is_floating_point() else self

    def cov(
        self,
        *,
        correction: int = 1,
        fweights: Tensor | None = None,
        aweights: Tensor | None = None,
    ) -> Tensor:
        """The covariances of variables: (variables, observations) → (variables, variables).

        Args:
            correction: the sum is divided by the number of observations less this
            fweights: how often each observation occurs, whole numbers
            aweights: the importance of each observation

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]).cov()
            tensor([[ 1., -1.],
                    [-1.,  1.]])
        """
        if self.ndim > 2:
            raise ShapeError("CR122", f"cov() takes a matrix, got shape {tuple(self.shape)}")
        x = self._floating()
        x = x.reshape(1, -1) if x.ndim < 2 else x
        weights = _weights(x, fweights, aweights)
        total = weights.sum()
        deviation = x - (x * weights).sum(1, keepdim=True) / total
        freedom = total - correction
        if aweights is not None:
            freedom = total - correction * (weights * aweights).sum() / total
        y = (deviation * weights) @ deviation.T / freedom.clamp(min=0)
        return y.squeeze() if self.ndim < 2 else y

    def corrcoef(self) -> Tensor:
        """The correlation coefficients of variables, covariances over standard deviations."""
        c = self.cov()
        if c.ndim == 0:
            return c / c
        deviation = c.diagonal().sqrt()
        return (c / deviation.unsqueeze(1) / deviation).clamp(-1, 1)


def _weights(x: Tensor, fweights: Any, aweights: Any) -> Tensor:
    """What each observation counts, (observations,)."""
    weights = x.new_ones(x.shape[1])
    for given, name in ((fweights, "fweights"), (aweights, "aweights")):
        if given is None:
            continue
        if given.is_floating_point() != (name == "aweights"):
            kind = "whole numbers" if name == "fweights" else "floats"
            raise DtypeError("CR202", f"cov(): {name} are {kind}, got {given.dtype}")
        if tuple(given.shape) != (x.shape[1],):
            raise ShapeError(
                "CR122",
                f"cov(): {name} hold one number for each of {x.shape[1]} observations, got "
                f"shape {tuple(given.shape)}",
            )
        weights = weights * given
    return weights


def _at_levels(ordered: Any, q: Any, interpolation: str, ignore_nan: bool) -> Tensor:
    """The elements of the order at the levels q: (…, n) and (levels,) → (…, levels)."""
    count = (~ordered.isnan()).sum(-1, keepdim=True)
    size = ordered.shape[-1]
    if ignore_nan:
        rank = q * (count - 1).clamp(min=0)._cast(ordered._cell.array.dtype)
    else:  # a nan is the last of the order
        rank = (q * (size - 1)).where(count == size, float(size - 1))
    if interpolation == "nearest":
        rank = rank.round()
    below = (rank.ceil() if interpolation == "higher" else rank.floor()).long()
    y = ordered.gather(-1, below)
    if interpolation in ("linear", "midpoint"):
        weight = rank - below if interpolation == "linear" else 0.5
        y = y.lerp(ordered.gather(-1, rank.ceil().long()), weight)
    return y
