"""Reductions: sums, products, means, norms and truth over some axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, shapes
from chainrule.errors import ArgumentError, DtypeError
from chainrule.ops.cumulative import shifted
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.dtypes import dtype as Dtype
    from chainrule.tensor.tensor import Tensor

Dims = int | tuple[int, ...] | list[int] | None
BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)


class Reduction(Primitive, abstract=True):
    """The family: the axes in `axes` go, or stay with size 1."""

    def shape(x, *, axes, keepdim):
        return shapes.reduced(x, axes, keepdim)


class Sum(Reduction):
    """Sum over axes  y = Σ x."""

    def forward(x, *, axes, keepdim):
        return np.add.reduce(x, axis=axes, dtype=x.dtype, keepdims=keepdim)

    def vjp_x(g, x_shape, axes):
        if len(axes) < len(x_shape):
            g = g.reshape(shapes.reduced(x_shape, axes, True))
        return g.expand(x_shape)


class Product(Reduction):
    """Product over axes  y = Π x.

    Notes: the derivative is the product of the others, taken without division, so that
    zeros are no exception: the product before each element times the product after it.
    """

    def forward(x, *, axes, keepdim):
        return np.multiply.reduce(x, axis=axes, dtype=x.dtype, keepdims=keepdim)

    def vjp_x(g, x, axes):
        kept = [i for i in range(x.ndim) if i not in axes]
        order = [*kept, *axes]
        moved = x.permute(order)
        others = _products_of_others(moved.flatten(len(kept)) if axes else moved.unsqueeze(-1))
        back = sorted(range(x.ndim), key=order.__getitem__)
        others = others.reshape(moved.shape).permute(back)
        return g.reshape(shapes.reduced(x.shape, axes, True)) * others


class Truth(Reduction, abstract=True):
    """The family of all and any: booleans out."""

    widens_halves = False

    def dtype(x, *, axes, keepdim):
        return BOOL


class All(Truth):
    """Whether every element is true."""

    def forward(x, *, axes, keepdim):
        return np.all(x, axis=axes, keepdims=keepdim)


class AnyTrue(Truth):
    """Whether some element is true."""

    def forward(x, *, axes, keepdim):
        return np.any(x, axis=axes, keepdims=keepdim)


def _products_of_others(x: Tensor) -> Tensor:
    """For each element the product of all others along the last axis."""
    before = shifted(x, -1, 1, fill=1).cumprod(-1)
    after = shifted(x.flip(-1), -1, 1, fill=1).cumprod(-1).flip(-1)
    return before * after


class ReductionMethods(Methods):
    """What a user calls. `dim` is one axis, several, or None for all."""

    def _reduce(self, primitive: type[Primitive], dim: Dims, keepdim: bool) -> Tensor:
        axes = shapes.axes(dim, self.ndim)
        return self._apply(primitive, self, axes=axes, keepdim=keepdim)

    def _summable(self, dtype: Dtype | None) -> Any:
        """In the type asked for; integers and booleans are summed as int64."""
        if dtype is not None:
            return self._cast(dtypes.numpy_of(dtype))
        return self if self.is_floating_point() else self._cast(INT64)

    def sum(
        self, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype | None = None
    ) -> Tensor:
        """Σ over `dim`."""
        return self._summable(dtype)._reduce(Sum, dim, keepdim)

    def prod(
        self, dim: int | None = None, keepdim: bool = False, *, dtype: Dtype | None = None
    ) -> Tensor:
        """Π over `dim`."""
        return self._summable(dtype)._reduce(Product, dim, keepdim)

    def mean(
        self, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype | None = None
    ) -> Tensor:
        """The arithmetic mean over `dim`."""
        x = self._must_float("mean()") if dtype is None else self._cast(dtypes.numpy_of(dtype))
        return x.sum(dim, keepdim) / _count(x.shape, dim)

    def var(
        self,
        dim: Dims | bool = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """Variance  Σ (x - x̄)² / (n - correction); by default unbiased, with correction 1."""
        if isinstance(dim, bool):
            unbiased, dim = dim, None
        x = self._must_float("var()")
        freedom = int(unbiased) if correction is None else correction
        deviation = x - x.mean(dim, keepdim=True)
        total = (deviation * deviation).sum(dim, keepdim)
        return total / max(_count(x.shape, dim) - freedom, 0)

    def std(
        self,
        dim: Dims | bool = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """Standard deviation, the root of `var`."""
        return _root(self.var(dim, unbiased, keepdim, correction=correction))

    def var_mean(
        self,
        dim: Dims | bool = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The variance and the mean."""
        variance = self.var(dim, unbiased, keepdim, correction=correction)
        return variance, self.mean(None if isinstance(dim, bool) else dim, keepdim)

    def std_mean(
        self,
        dim: Dims | bool = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The standard deviation and the mean."""
        variance, mean = self.var_mean(dim, unbiased, keepdim, correction=correction)
        return _root(variance), mean

    def norm(
        self,
        p: float | str | None = "fro",
        dim: Dims = None,
        keepdim: bool = False,
        dtype: Dtype | None = None,
    ) -> Tensor:
        """The p-norm  (Σ |x|ᵖ)^(1/p) over `dim`; "fro" is p = 2, inf the largest |x|."""
        x = self._must_float("norm()") if dtype is None else self._cast(dtypes.numpy_of(dtype))
        if p in (2, "fro", None):
            return _root((x * x).sum(dim, keepdim))
        if p is None or isinstance(p, str):
            raise ArgumentError("CR902", f'norm: p is a number, inf or "fro", got {p!r}')
        if p == 1:
            return x.abs().sum(dim, keepdim)
        if p == 0:
            return (x != 0)._cast(x._cell.array.dtype).sum(dim, keepdim)
        if math.isinf(p):
            return x.abs().amax(dim, keepdim) if p > 0 else x.abs().amin(dim, keepdim)
        return _root(x.abs().pow(p).sum(dim, keepdim), p)

    def dist(self, other: Tensor, p: float = 2) -> Tensor:
        """The p-norm of self - other."""
        return (self - other).norm(p)

    def renorm(self, p: float, dim: int, maxnorm: float) -> Tensor:
        """Each slice along `dim` scaled down to the p-norm `maxnorm`, if it is larger."""
        if self.ndim < 2 or p <= 0 or maxnorm < 0:
            raise ArgumentError(
                "CR902",
                "renorm takes a tensor with two axes or more, p > 0 and maxnorm ≥ 0, got shape "
                f"{tuple(self.shape)}, p={p}, maxnorm={maxnorm}",
            )
        over = [i for i in range(self.ndim) if i != shapes.axis(dim, self.ndim)]
        norms = self.norm(p, over, keepdim=True)
        scale = maxnorm / (norms + 1e-7)
        return self * scale.masked_fill(norms <= maxnorm, 1)

    def all(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """Whether every element is true."""
        return self._cast(BOOL)._reduce(All, dim, keepdim)

    def any(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """Whether some element is true."""
        return self._cast(BOOL)._reduce(AnyTrue, dim, keepdim)

    def count_nonzero(self, dim: Dims = None) -> Tensor:
        """How many elements are not zero."""
        return self._cast(BOOL).sum(dim)

    def _must_float(self, what: str) -> Any:
        if not self.is_floating_point():
            raise DtypeError(
                "CR203",
                f"{what} needs a floating type, got {self.dtype}; convert first, x.float()",
            )
        return self


def _root(x: Tensor, p: float = 2) -> Tensor:
    """The p-th root of a sum of powers; at 0, where it has a kink, the derivative is 0."""
    if not x.requires_grad:
        return x.sqrt() if p == 2 else x.pow(1 / p)
    zero = x == 0
    away = x.masked_fill(zero, 1)
    return (away.sqrt() if p == 2 else away.pow(1 / p)).masked_fill(zero, 0)


def _count(shape: tuple[int, ...], dim: Dims) -> int:
    return math.prod([shape[i] for i in shapes.axes(dim, len(shape))])
