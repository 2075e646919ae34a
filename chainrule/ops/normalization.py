"""Numbers shifted and scaled to mean 0 and variance 1 over some axes, in one step.

    y = (x - μ) s,  s = 1 / √(σ² + ε),  μ and σ² the mean and variance of x over the axes

One primitive, as a chain of small ones writes each of its steps to memory. The derivative

    ∂L/∂x = s (g - mean(g) - y mean(g y))

is another one; as a map of g it is symmetric, so it is its own derivative.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from chainrule import shapes
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Standardize(Primitive):
    """Mean 0 and variance 1 over axes  y = (x - μ) / √(σ² + ε).

    Notes:   σ² is the mean of (x - μ)²; E[x²] - μ² would cancel where μ is large.
    """

    def forward(x, *, axes, eps):
        return _standardized(x, axes, eps)[0]

    def shape(x, *, axes, eps):
        return x

    def vjp_x(g, x, axes, eps):
        return g._apply(StandardizeCotangent, g, x, axes=axes, eps=eps)


class StandardizeCotangent(Primitive):
    """The cotangent through Standardize  s (g - mean(g) - y mean(g y))."""

    def forward(g, x, *, axes, eps):
        y, s = _standardized(x, axes, eps)
        cotangent = g - _mean(axes, g)
        cotangent -= np.multiply(y, _mean(axes, g, y), out=y)
        cotangent *= s
        return cotangent

    def shape(g, x, *, axes, eps):
        return x

    def vjp_g(h, x, axes, eps):
        return h._apply(StandardizeCotangent, h, x, axes=axes, eps=eps)

    def vjp_x(h, g, x, axes, eps):
        y = x._apply(Standardize, x, axes=axes, eps=eps)
        u, w, centred = (_centred(t, axes) for t in (g, h, x))
        uy, wy, uw = (_mean_of(a, b, axes) for a, b in ((u, y), (w, y), (u, w)))
        s_squared = 1 / (_mean_of(centred, centred, axes) + eps)
        return -s_squared * (y * (uw - 3 * uy * wy) + w * uy + u * wy)


class Moments(Primitive):
    """The mean and the variance over axes, which go, one above the other; for statistics.

    Notes:   it has no derivative.
    """

    def forward(x, *, axes):
        mean = _mean(axes, x)
        deviation = np.subtract(x, mean)
        both = np.stack([mean, _mean(axes, deviation, deviation)])
        return both.squeeze(tuple(axis + 1 for axis in axes))

    def shape(x, *, axes):
        return (2, *shapes.reduced(x, axes, False))


def _standardized(
    x: np.ndarray, axes: tuple[int, ...], eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """y and s; y is an array of its own."""
    y = np.subtract(x, _mean(axes, x))
    s = 1 / np.sqrt(_mean(axes, y, y) + eps)
    y *= s
    return y, s


def _mean(axes: tuple[int, ...], *factors: np.ndarray) -> np.ndarray:
    """The mean over axes, which stay with size 1, of the product of the factors.

    Notes:  as an einsum, which makes no array of the products.
    """
    shape, letters = factors[0].shape, list(range(factors[0].ndim))
    kept = [i for i in letters if i not in axes]
    total = np.einsum(*[part for x in factors for part in (x, letters)], kept)
    count = math.prod([shape[i] for i in axes])
    return (total / count).reshape([1 if i in axes else n for i, n in enumerate(shape)])


def _centred(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x - x.mean(axes, keepdim=True)


def _mean_of(a: Tensor, b: Tensor, axes: tuple[int, ...]) -> Tensor:
    return (a * b).mean(axes, keepdim=True)
