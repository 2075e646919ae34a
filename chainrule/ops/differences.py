"""Differences of neighbours, and what they approximate: derivatives and integrals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule import shapes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class DifferenceMethods(Methods):
    """What a user calls."""

    def diff(
        self,
        n: int = 1,
        dim: int = -1,
        prepend: Tensor | None = None,
        append: Tensor | None = None,
    ) -> Tensor:
        """The n-th differences of neighbours along `dim`; of booleans whether they differ.

        Args: prepend, append: what is joined to the ends first.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1, 4, 9]).diff()
            tensor([3, 5])
        """
        if self.ndim == 0:
            raise ShapeError("CR123", "diff() takes a tensor with an axis, got a single number")
        if n < 0:
            raise ArgumentError("CR902", f"diff: n is 0 or more, got {n}")
        axis = shapes.axis(dim, self.ndim)
        parts = [part for part in (prepend, self, append) if part is not None]
        y: Any = self.concatenate(parts, axis) if len(parts) > 1 else self.clone()
        for _ in range(min(n, y.shape[axis])):
            left, right = _ends(y, axis)
            y = left ^ right if left.dtype.category == 0 else right - left
        return y

    def trapezoid(
        self, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
    ) -> Tensor:
        """The integral of self along `dim` by the trapezoidal rule  Σ (yᵢ + yᵢ₊₁)/2 Δxᵢ.

        Args: x: where the values were taken; dx: their distance, 1 by default.
        """
        return self._trapezoids(x, dx, dim).sum(dim)

    def cumulative_trapezoid(
        self, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
    ) -> Tensor:
        """The running integral of self along `dim` by the trapezoidal rule."""
        return self._trapezoids(x, dx, dim).cumsum(dim)

    def _trapezoids(self, x: Tensor | None, dx: float | None, dim: int) -> Tensor:
        """The areas between neighbours."""
        if self.ndim == 0:
            raise ShapeError("CR123", "trapezoid() takes a tensor with an axis, got a number")
        axis = shapes.axis(dim, self.ndim)
        left, right = _ends(self, axis)
        if x is None:
            return (left + right) / 2 * (1 if dx is None else dx)
        if dx is not None:
            raise ArgumentError("CR902", "trapezoid: give x or dx, not both")
        return (left + right) / 2 * _widths(x, self.shape, axis)

    def gradient(self, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> Any:
        """The derivatives along each axis of `dim`, by central differences.

        Args:
            spacing: the distance of neighbours, or one for each axis, or the coordinates along
                each axis as vectors
            edge_order: 1 or 2, the order of the estimates at the two ends

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1.0, 4.0, 9.0, 16.0]).gradient()
            (tensor([3., 4., 6., 7.]),)
        """
        if edge_order not in (1, 2):
            raise ArgumentError("CR902", f"gradient: edge_order is 1 or 2, got {edge_order}")
        axes = (dim,) if isinstance(dim, int) else range(self.ndim) if dim is None else dim
        found = [shapes.axis(axis, self.ndim) for axis in axes]
        if any(self.shape[axis] <= edge_order for axis in found):
            raise ShapeError(
                "CR123",
                f"gradient() needs more than {edge_order} elements along each axis, got shape "
                f"{tuple(self.shape)}",
            )
        steps = spacing if isinstance(spacing, (list, tuple)) else [spacing] * len(found)
        if len(steps) != len(found):
            raise ArgumentError(
                "CR902", f"gradient: {len(steps)} spacings for {len(found)} axes; one for each"
            )
        x = self._floating()
        return tuple(
            _slopes(x.movedim(axis, -1), step, edge_order).movedim(-1, axis)
            for axis, step in zip(found, steps)
        )


def _ends(x: Any, axis: int) -> tuple[Tensor, Tensor]:
    """All but the last and all but the first along an axis."""
    size = max(x.shape[axis] - 1, 0)
    return x.narrow(axis, 0, size), x.narrow(axis, x.shape[axis] - size, size)


def _widths(x: Any, shape: tuple[int, ...], axis: int) -> Tensor:
    """The distances of the places x, to be multiplied with areas along the axis."""
    if x.ndim == 1:
        sizes = [1] * len(shape)
        sizes[axis] = x.shape[0]
        if x.shape[0] != shape[axis]:
            raise ShapeError(
                "CR123",
                f"trapezoid(): x has {x.shape[0]} places for {shape[axis]} values along "
                f"dimension {axis}",
            )
        x = x.reshape(sizes)
    left, right = _ends(x, shapes.axis(axis - len(shape), x.ndim))
    return right - left


def _slopes(y: Any, spacing: Any, edge_order: int) -> Tensor:
    """The derivative along the last axis.

    Notes: the middle of three points, h and k apart, has the slope of the parabola through
    them,  (k s₁ + h s₂) / (h + k)  with the slopes s of the two secants. A parabola's slopes at
    both ends of a secant have the secant's slope as their mean: so the ends of edge_order 2.
    """
    step = _steps(y, spacing)
    secants = (y[..., 1:] - y[..., :-1]) / step
    h, k = step[..., :-1], step[..., 1:]
    middle = (secants[..., :-1] * k + secants[..., 1:] * h) / (h + k)
    first, last = secants[..., :1], secants[..., -1:]
    if edge_order == 2:
        first, last = 2 * first - middle[..., :1], 2 * last - middle[..., -1:]
    return y.concatenate([first, middle, last], -1)


def _steps(y: Any, spacing: Any) -> Tensor:
    """The distances of neighbours along the last axis."""
    if isinstance(spacing, Methods) and spacing.ndim:
        return spacing[1:] - spacing[:-1]
    return y.new_ones(y.shape[-1] - 1) * spacing
