"""Reductions: sums, extremes and their positions over some axes, and running sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import dtypes, shapes
from chainrule.errors import DtypeError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.dtypes import dtype
    from chainrule.tensor.tensor import Tensor

Dims = int | tuple[int, ...] | list[int] | None


class ValuesAndIndices(NamedTuple):
    """What `max(dim)`, `min(dim)`, `sort` and the like return."""

    values: Tensor
    indices: Tensor


class Reduction(Primitive, abstract=True):
    """The family: the axes in `axes` go, or stay with size 1."""

    def shape(x, *, axes, keepdim):
        return shapes.reduced(x, axes, keepdim)


class Sum(Reduction):
    """Sum over axes  y = Σ x."""

    def forward(x, *, axes, keepdim):
        return np.add.reduce(x, axis=axes, keepdims=keepdim)

    def vjp_x(g, x_shape, axes):
        return g.reshape(shapes.reduced(x_shape, axes, True)).expand(x_shape)


class Product(Reduction):
    """Product over axes  y = Π x.

    Notes: the derivative is the product of the others, taken without division, so that
    zeros are no exception: the product before each element times the product after it.
    """

    def forward(x, *, axes, keepdim):
        return np.multiply.reduce(x, axis=axes, keepdims=keepdim)

    def vjp_x(g, x, axes):
        if len(axes) != 1:
            kept = [i for i in range(x.ndim) if i not in axes]
            rest = (*[x.shape[i] for i in kept], -1)
            others = x.permute(*kept, *axes).reshape(rest)._products_of_others(-1)
            others = others.reshape([x.shape[i] for i in (*kept, *axes)])
            others = others.permute(*np.argsort([*kept, *axes]).tolist())
        else:
            others = x._products_of_others(axes[0])
        return g.reshape(shapes.reduced(x.shape, axes, True)) * others


class Extreme(Reduction, abstract=True):
    """The family of largest and smallest: elements that tie share the cotangent equally."""

    def vjp_x(g, x, y, axes):
        kept = shapes.reduced(x.shape, axes, True)
        attained = (x == y.reshape(kept))._cast(x._cell.array.dtype)
        return attained / attained.sum(axes, keepdim=True) * g.reshape(kept)


class Amax(Extreme):
    """Largest element over axes."""

    def forward(x, *, axes, keepdim):
        return np.maximum.reduce(x, axis=axes, keepdims=keepdim)


class Amin(Extreme):
    """Smallest element over axes."""

    def forward(x, *, axes, keepdim):
        return np.minimum.reduce(x, axis=axes, keepdims=keepdim)


class Truth(Reduction, abstract=True):
    """The family of all and any: booleans out."""

    widens_halves = False

    def dtype(x, *, axes, keepdim):
        return np.dtype(np.bool_)


class All(Truth):
    """Whether every element is true."""

    def forward(x, *, axes, keepdim):
        return np.all(x, axis=axes, keepdims=keepdim)


class AnyTrue(Truth):
    """Whether some element is true."""

    def forward(x, *, axes, keepdim):
        return np.any(x, axis=axes, keepdims=keepdim)


class Position(Primitive, abstract=True):
    """The family of positions along one axis."""

    def shape(x, *, axis, keepdim):
        return shapes.reduced(x, (axis,), keepdim)

    def dtype(x, *, axis, keepdim):
        return np.dtype(np.int64)


class Argmax(Position):
    """Position of the largest element along an axis, the first of equals."""

    def forward(x, *, axis, keepdim):
        return np.argmax(x, axis=axis, keepdims=keepdim)


class Argmin(Position):
    """Position of the smallest element along an axis, the first of equals."""

    def forward(x, *, axis, keepdim):
        return np.argmin(x, axis=axis, keepdims=keepdim)


class Cumsum(Primitive):
    """Running sum  yᵢ = x₀ + … + xᵢ along an axis."""

    def forward(x, *, axis):
        return np.cumsum(x, axis=axis, dtype=x.dtype)

    def shape(x, *, axis):
        return x

    def vjp_x(g, axis):
        return g.flip(axis).cumsum(axis).flip(axis)


class ReductionMethods(Methods):
    """What a user calls. `dim` is one axis, several, or None for all."""

    def _reduce(self, primitive: type[Primitive], dim: Dims, keepdim: bool) -> Tensor:
        axes = shapes.axes(dim, self.ndim)
        return self._apply(primitive, self, axes=axes, keepdim=keepdim)

    def _summable(self, dtype: dtype | None) -> Tensor:
        """In the type asked for; integers and booleans are summed as int64."""
        if dtype is not None:
            return self._cast(dtype.numpy)
        return self if self.is_floating_point() else self._cast(np.dtype(np.int64))  # type: ignore[return-value]

    def sum(
        self, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None
    ) -> Tensor:
        """Σ over `dim`."""
        return self._summable(dtype)._reduce(Sum, dim, keepdim)

    def prod(
        self, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None
    ) -> Tensor:
        """Π over `dim`."""
        return self._summable(dtype)._reduce(Product, dim, keepdim)

    def mean(
        self, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None
    ) -> Tensor:
        """The arithmetic mean over `dim`."""
        x = self._must_float("mean()") if dtype is None else self._cast(dtype.numpy)
        count = _count(x.shape, shapes.axes(dim, x.ndim))
        return x.sum(dim, keepdim) / count

    def var(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: int | None = None,
    ) -> Tensor:
        """Variance  Σ (x - x̄)² / (n - correction); by default the unbiased one, correction 1."""
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        x = self._must_float("var()")
        freedom = int(unbiased) if correction is None else correction
        count = _count(x.shape, shapes.axes(dim, x.ndim))
        deviation = x - x.mean(dim, keepdim=True)
        divisor = max(count - freedom, 0)
        total = (deviation * deviation).sum(dim, keepdim)
        return total / divisor

    def std(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: int | None = None,
    ) -> Tensor:
        """Standard deviation, the root of `var`."""
        return self.var(dim, unbiased, keepdim, correction=correction).sqrt()

    def var_mean(
        self, dim: Dims = None, *, correction: int = 1, keepdim: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The variance and the mean."""
        variance = self.var(dim, correction=correction, keepdim=keepdim)
        return variance, self.mean(dim, keepdim)

    def std_mean(
        self, dim: Dims = None, *, correction: int = 1, keepdim: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The standard deviation and the mean."""
        variance, mean = self.var_mean(dim, correction=correction, keepdim=keepdim)
        return variance.sqrt(), mean

    def norm(
        self, p: float | str = 2, dim: Dims = None, keepdim: bool = False
    ) -> Tensor:
        """The p-norm  (Σ |x|ᵖ)^(1/p) over `dim`; "fro" is p = 2, inf the largest |x|."""
        x = self._must_float("norm()")
        if p in (2, "fro"):
            return (x * x).sum(dim, keepdim).sqrt()
        if p == float("inf"):
            return x.abs().amax(dim, keepdim)
        if p == -float("inf"):
            return x.abs().amin(dim, keepdim)
        if p == 0:
            return (x != 0)._cast(x._cell.array.dtype).sum(dim, keepdim)
        if p == 1:
            return x.abs().sum(dim, keepdim)
        return x.abs().pow(p).sum(dim, keepdim).pow(1 / p)

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The largest element over `dim`."""
        return self._nonempty("amax()", dim)._reduce(Amax, dim, keepdim)

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The smallest element over `dim`."""
        return self._nonempty("amin()", dim)._reduce(Amin, dim, keepdim)

    def aminmax(self, *, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
        """The smallest and the largest element."""
        return self.amin(dim, keepdim), self.amax(dim, keepdim)

    def max(self, dim: Any = None, keepdim: bool = False) -> Any:
        """max(): the largest element; max(dim): with its position; max(other): of each pair."""
        if isinstance(dim, Methods):
            return self.maximum(dim)
        if dim is None:
            return self.amax()
        return self._at(self.argmax(dim, keepdim=True), dim, keepdim)

    def min(self, dim: Any = None, keepdim: bool = False) -> Any:
        """min(): the smallest element; min(dim): with its position; min(other): of each pair."""
        if isinstance(dim, Methods):
            return self.minimum(dim)
        if dim is None:
            return self.amin()
        return self._at(self.argmin(dim, keepdim=True), dim, keepdim)

    def _at(self, indices: Tensor, dim: int, keepdim: bool) -> ValuesAndIndices:
        if self.ndim == 0:
            return ValuesAndIndices(self.clone(), indices)
        values = self.gather(dim, indices)
        if keepdim:
            return ValuesAndIndices(values, indices)
        return ValuesAndIndices(values.squeeze(dim), indices.squeeze(dim))

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Position of the largest element, in the flattened tensor if `dim` is None."""
        return self._position(Argmax, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Position of the smallest element, in the flattened tensor if `dim` is None."""
        return self._position(Argmin, dim, keepdim)

    def _position(self, primitive: type[Primitive], dim: int | None, keepdim: bool) -> Tensor:
        x: Any = self._nonempty(f"{primitive.__name__.lower()}()", dim)
        if dim is None or x.ndim == 0:
            y = x._apply(primitive, x.reshape(-1), axis=0, keepdim=False)
            return y.reshape((1,) * x.ndim) if keepdim else y
        return x._apply(primitive, x, axis=shapes.axis(dim, x.ndim), keepdim=keepdim)

    def all(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """Whether every element is true."""
        return self._truth()._reduce(All, dim, keepdim)

    def any(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """Whether some element is true."""
        return self._truth()._reduce(AnyTrue, dim, keepdim)

    def _truth(self) -> Any:
        return self._cast(np.dtype(np.bool_))

    def count_nonzero(self, dim: Dims = None) -> Tensor:
        """How many elements are not zero."""
        return self._truth().sum(dim)

    def cumsum(self, dim: int, *, dtype: dtype | None = None) -> Tensor:
        """The running sum along `dim`."""
        x = self._summable(dtype)
        if x.ndim == 0:
            return x.clone()
        return x._apply(Cumsum, x, axis=shapes.axis(dim, x.ndim))

    def logsumexp(self, dim: Dims, keepdim: bool = False) -> Tensor:
        """ln Σ eˣ over `dim`.

        Notes: the largest element is taken out first, so that nothing overflows.
        """
        x = self._floating()
        largest = x.detach().amax(dim, keepdim=True)
        largest = largest.masked_fill(~largest.isfinite(), 0)
        total = (x - largest).exp().sum(dim, keepdim=True).log() + largest
        return total if keepdim else total.squeeze(shapes.axes(dim, x.ndim))

    def _products_of_others(self, dim: int) -> Tensor:
        """For each element the product of all others along `dim`."""
        size, ones = self.shape[dim], self.narrow(dim, 0, 1).ones_like()
        before, after = [ones], [ones]
        for i in range(size - 1):
            before.append(before[-1] * self.narrow(dim, i, 1))
            after.append(after[-1] * self.narrow(dim, size - 1 - i, 1))
        pairs = zip(before, reversed(after), strict=True)
        return ones.concatenate([b * a for b, a in pairs], dim) if size else self.clone()

    def _must_float(self, what: str) -> Any:
        if not self.is_floating_point():
            raise needs_float(what, self.dtype)
        return self

    def _nonempty(self, what: str, dim: Dims) -> Any:
        over = shapes.axes(dim, self.ndim)
        if any(self.shape[i] == 0 for i in over):
            raise ShapeError(
                "CR108", f"{what} of no elements: the tensor has shape {tuple(self.shape)}"
            )
        return self


def needs_float(what: str, found: dtypes.dtype) -> Exception:
    """The error for an operation that needs a floating type."""
    return DtypeError(
        "CR203", f"{what} needs a floating type, got {found}; convert first, x.float()"
    )


def _count(shape: tuple[int, ...], over: tuple[int, ...]) -> int:
    count = 1
    for i in over:
        count *= shape[i]
    return count
