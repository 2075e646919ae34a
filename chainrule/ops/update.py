"""A tensor plus a scaled difference, product or quotient: the steps of running averages and
optimizers. One primitive each, as its only temporary becomes the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Lerp(Elementwise):
    """Linear interpolation  y = a + w (b - a),  from the nearer end."""

    def forward(a, b, w):
        if w.ndim == 0:
            return _from_start(a, b, w) if w < 0.5 else _from_end(a, b, w)
        return np.where(w < 0.5, _from_start(a, b, w), _from_end(a, b, w))

    def vjp_a(g, w):
        return g * (1 - w)

    def vjp_b(g, w):
        return g * w

    def vjp_w(g, a, b):
        return g * (b - a)


def _from_start(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _into(np.add, _into(np.multiply, np.subtract(b, a), w), a)


def _from_end(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _into(np.add, _into(np.multiply, np.subtract(a, b), 1 - w), b)


class AddProduct(Elementwise):
    """y = x + v a b"""

    def forward(x, a, b, v):
        return _into(np.add, _into(np.multiply, np.multiply(a, b), v), x)

    def vjp_x(g):
        return g

    def vjp_a(g, b, v):
        return g * b * v

    def vjp_b(g, a, v):
        return g * a * v

    def vjp_v(g, a, b):
        return g * a * b


class AddQuotient(Elementwise):
    """y = x + v a / b"""

    def forward(x, a, b, v):
        return _into(np.add, _into(np.multiply, np.divide(a, b), v), x)

    def vjp_x(g):
        return g

    def vjp_a(g, b, v):
        return g * v / b

    def vjp_b(g, a, b, v):
        return -g * v * a / (b * b)

    def vjp_v(g, a, b):
        return g * a / b


def _into(operation: np.ufunc, y: np.ndarray, other: np.ndarray) -> np.ndarray:
    """operation(y, other), in the memory of y where the result has its shape."""
    if y.ndim and (not other.ndim or other.shape == y.shape):
        return operation(y, other, out=y)
    return operation(y, other)


class UpdateMethods(Methods):
    """What a user calls."""

    def lerp(self, end: Tensor, weight: Any) -> Tensor:
        """Linear interpolation  self + weight · (end - self)."""
        return self._apply(Lerp, *self._alike(end, weight))

    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        """self + value · tensor1 · tensor2"""
        return self._apply(AddProduct, *self._alike(tensor1, tensor2, value))

    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        """self + value · tensor1 / tensor2"""
        x, a, b, v = self._alike(tensor1, tensor2, value)
        return self._apply(AddQuotient, *[y._floating() for y in (x, a, b, v)])
