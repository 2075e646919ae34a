"""Functions of one number, applied to every element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import DtypeError
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Elementwise(Primitive, abstract=True):
    """The family: equal types in, the broadcast shape out."""

    def shape(*inputs, **params):
        return shapes.broadcast(*inputs)


class Negate(Elementwise):
    """y = -x"""

    def forward(x):
        return np.negative(x)

    def vjp_x(g):
        return -g


class Absolute(Elementwise):
    """y = |x|, with the derivative 0 at 0."""

    def forward(x):
        return np.abs(x)

    def vjp_x(g, x):
        return g * x.sign()


class Sign(Elementwise):
    """y = -1, 0 or 1."""

    def forward(x):
        return np.sign(x) if x.dtype != np.bool_ else x

    def vjp_x(g):
        return g.zeros_like()


class Exp(Elementwise):
    """Exponential  y = eˣ."""

    def forward(x):
        return np.exp(x)

    def vjp_x(g, y):
        return g * y


class Exp2(Elementwise):
    """y = 2ˣ"""

    def forward(x):
        return np.exp2(x)

    def vjp_x(g, y):
        return g * y * math.log(2)


class Expm1(Elementwise):
    """y = eˣ - 1, accurate near 0."""

    def forward(x):
        return np.expm1(x)

    def vjp_x(g, y):
        return g * (y + 1)


class Log(Elementwise):
    """Natural logarithm  y = ln x."""

    def forward(x):
        return np.log(x)

    def vjp_x(g, x):
        return g / x


class Log2(Elementwise):
    """Logarithm to the base 2."""

    def forward(x):
        return np.log2(x)

    def vjp_x(g, x):
        return g / (x * math.log(2))


class Log10(Elementwise):
    """Logarithm to the base 10."""

    def forward(x):
        return np.log10(x)

    def vjp_x(g, x):
        return g / (x * math.log(10))


class Log1p(Elementwise):
    """y = ln(1 + x), accurate near 0."""

    def forward(x):
        return np.log1p(x)

    def vjp_x(g, x):
        return g / (x + 1)


class Sqrt(Elementwise):
    """Square root  y = √x."""

    def forward(x):
        return np.sqrt(x)

    def vjp_x(g, y):
        return g / (2 * y)


class Sigmoid(Elementwise):
    """Logistic function  y = 1 / (1 + e⁻ˣ)."""

    def forward(x):
        return 1 / (1 + np.exp(-x))

    def vjp_x(g, y):
        return g * y * (1 - y)


class Relu(Elementwise):
    """Rectified linear unit  y = max(x, 0), with the derivative 0 at 0."""

    def forward(x):
        return np.maximum(x, 0)

    def vjp_x(g, y):
        return g.masked_fill(y <= 0, 0)


class ElementwiseMethods(Methods):
    """What a user calls."""

    def neg(self) -> Tensor:
        return self._apply(Negate, self._not_bool("-x", "use ~x"))

    __neg__ = negative = neg

    def positive(self) -> Tensor:
        return self._not_bool("+x", "it is a truth value already")

    __pos__ = positive

    def abs(self) -> Tensor:
        return self._apply(Absolute, self._not_bool("abs()", "convert first, x.int()"))

    __abs__ = absolute = abs

    def sign(self) -> Tensor:
        return self._apply(Sign, self)

    sgn = sign

    def exp(self) -> Tensor:
        return self._apply(Exp, self._floating())

    def exp2(self) -> Tensor:
        return self._apply(Exp2, self._floating())

    def expm1(self) -> Tensor:
        return self._apply(Expm1, self._floating())

    def log(self) -> Tensor:
        return self._apply(Log, self._floating())

    def log2(self) -> Tensor:
        return self._apply(Log2, self._floating())

    def log10(self) -> Tensor:
        return self._apply(Log10, self._floating())

    def log1p(self) -> Tensor:
        return self._apply(Log1p, self._floating())

    def sqrt(self) -> Tensor:
        return self._apply(Sqrt, self._floating())

    def rsqrt(self) -> Tensor:
        """1 / √self"""
        return 1 / self.sqrt()

    def square(self) -> Tensor:
        return self.pow(2)

    def reciprocal(self) -> Tensor:
        """1 / self"""
        return 1 / self

    def sigmoid(self) -> Tensor:
        return self._apply(Sigmoid, self._floating())

    def logit(self, eps: float | None = None) -> Tensor:
        """ln(x / (1 - x)), the inverse of sigmoid; `eps` keeps x within eps … 1 - eps."""
        x = self._floating()
        x = x if eps is None else x.clamp(eps, 1 - eps)
        return (x / (1 - x)).log()

    def relu(self) -> Tensor:
        return self._apply(Relu, self._not_bool("relu()", "convert first, x.float()"))

    def _not_bool(self, what: str, remedy: str) -> Any:
        if self._cell.array.dtype.kind == "b":
            raise DtypeError("CR202", f"{what} is not for booleans; {remedy}")
        return self
