"""Functions of one number, applied to every element, and the choice between two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes
from chainrule.ops import error_function
from chainrule.ops.arithmetic import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


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
        return g * 0


class Exp(Elementwise):
    """Exponential  y = eˣ."""

    def forward(x):
        return np.exp(x)

    def vjp_x(g, y):
        return g * y


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


class Sin(Elementwise):
    """y = sin x, x in radians."""

    def forward(x):
        return np.sin(x)

    def vjp_x(g, x):
        return g * x.cos()


class Cos(Elementwise):
    """y = cos x, x in radians."""

    def forward(x):
        return np.cos(x)

    def vjp_x(g, x):
        return -g * x.sin()


class Tan(Elementwise):
    """y = tan x, x in radians."""

    def forward(x):
        return np.tan(x)

    def vjp_x(g, y):
        return g * (1 + y * y)


class Arcsin(Elementwise):
    """y = arcsin x, in radians."""

    def forward(x):
        return np.arcsin(x)

    def vjp_x(g, x):
        return g / (1 - x * x).sqrt()


class Arccos(Elementwise):
    """y = arccos x, in radians."""

    def forward(x):
        return np.arccos(x)

    def vjp_x(g, x):
        return -g / (1 - x * x).sqrt()


class Arctan(Elementwise):
    """y = arctan x, in radians."""

    def forward(x):
        return np.arctan(x)

    def vjp_x(g, x):
        return g / (1 + x * x)


class Sinh(Elementwise):
    """y = (eˣ - e⁻ˣ) / 2"""

    def forward(x):
        return np.sinh(x)

    def vjp_x(g, x):
        return g * x.cosh()


class Cosh(Elementwise):
    """y = (eˣ + e⁻ˣ) / 2"""

    def forward(x):
        return np.cosh(x)

    def vjp_x(g, x):
        return g * x.sinh()


class Tanh(Elementwise):
    """Hyperbolic tangent  y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)."""

    def forward(x):
        return np.tanh(x)

    def vjp_x(g, y):
        return g * (1 - y * y)


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


class Erf(Elementwise):
    """Error function  y = 2/√π ∫₀ˣ exp(-t²) dt."""

    def forward(x):
        return error_function.erf(x)

    def vjp_x(g, x):
        return g * (2 / math.sqrt(math.pi)) * (-x * x).exp()


class Rounding(Elementwise, abstract=True):
    """The family of steps: constant almost everywhere, so the derivative is 0."""

    def vjp_x(g):
        return g * 0


class Floor(Rounding):
    """The largest whole number ≤ x."""

    def forward(x):
        return np.floor(x)


class Ceil(Rounding):
    """The smallest whole number ≥ x."""

    def forward(x):
        return np.ceil(x)


class Round(Rounding):
    """The nearest whole number, halves to the even one."""

    def forward(x):
        return np.rint(x)


class Trunc(Rounding):
    """x without its fraction."""

    def forward(x):
        return np.trunc(x)


class Convert(Elementwise):
    """The same values in another element type."""

    widens_halves = False

    def forward(x, *, to, source):
        return dtypes.cast(x, to)

    def dtype(x, *, to, source):
        return to

    def vjp_x(g, source):
        return g._cast(source)


class Copy(Elementwise):
    """The same values in memory of their own."""

    widens_halves = False

    def forward(x):
        return x.copy()

    def vjp_x(g):
        return g


class Where(Elementwise):
    """y = a where c holds, else b."""

    widens_halves = False

    def forward(c, a, b):
        return np.where(c, a, b)

    def dtype(c, a, b):
        return a

    def vjp_a(g, c):
        return g.where(c, 0)

    def vjp_b(g, c):
        return g.masked_fill(c, 0)


class ElementwiseMethods(Methods):
    """What a user calls."""

    def neg(self) -> Tensor:
        return self._apply(Negate, self)

    __neg__ = negative = neg

    def __pos__(self) -> Tensor:
        return self  # type: ignore[return-value]

    def abs(self) -> Tensor:
        return self._apply(Absolute, self)

    __abs__ = absolute = abs

    def sign(self) -> Tensor:
        return self._apply(Sign, self)

    sgn = sign

    def exp(self) -> Tensor:
        return self._apply(Exp, self._floating())

    def exp2(self) -> Tensor:
        """2 to the power self."""
        return (self * math.log(2)).exp()

    def expm1(self) -> Tensor:
        return self._apply(Expm1, self._floating())

    def log(self) -> Tensor:
        return self._apply(Log, self._floating())

    def log2(self) -> Tensor:
        return self.log() / math.log(2)

    def log10(self) -> Tensor:
        return self.log() / math.log(10)

    def log1p(self) -> Tensor:
        return self._apply(Log1p, self._floating())

    def sqrt(self) -> Tensor:
        return self._apply(Sqrt, self._floating())

    def rsqrt(self) -> Tensor:
        return 1 / self.sqrt()

    def square(self) -> Tensor:
        return self * self  # type: ignore[operator]

    def reciprocal(self) -> Tensor:
        return 1 / self  # type: ignore[operator]

    def sin(self) -> Tensor:
        return self._apply(Sin, self._floating())

    def cos(self) -> Tensor:
        return self._apply(Cos, self._floating())

    def tan(self) -> Tensor:
        return self._apply(Tan, self._floating())

    def asin(self) -> Tensor:
        return self._apply(Arcsin, self._floating())

    def acos(self) -> Tensor:
        return self._apply(Arccos, self._floating())

    def atan(self) -> Tensor:
        return self._apply(Arctan, self._floating())

    arcsin, arccos, arctan = asin, acos, atan

    def sinh(self) -> Tensor:
        return self._apply(Sinh, self._floating())

    def cosh(self) -> Tensor:
        return self._apply(Cosh, self._floating())

    def tanh(self) -> Tensor:
        return self._apply(Tanh, self._floating())

    def sigmoid(self) -> Tensor:
        return self._apply(Sigmoid, self._floating())

    def relu(self) -> Tensor:
        return self._apply(Relu, self)

    def erf(self) -> Tensor:
        return self._apply(Erf, self._floating())

    def floor(self) -> Tensor:
        return self._apply(Floor, self) if self.is_floating_point() else self.clone()

    def ceil(self) -> Tensor:
        return self._apply(Ceil, self) if self.is_floating_point() else self.clone()

    def trunc(self) -> Tensor:
        return self._apply(Trunc, self) if self.is_floating_point() else self.clone()

    fix = trunc

    def frac(self) -> Tensor:
        """The part after the point, with the sign of self."""
        return self - self.trunc()  # type: ignore[operator]

    def round(self, *, decimals: int = 0) -> Tensor:
        """The nearest whole number (or multiple of 10^-decimals), halves to the even one."""
        if not self.is_floating_point():
            return self.clone()
        if decimals == 0:
            return self._apply(Round, self)
        return (self * 10.0**decimals).round() / 10.0**decimals  # type: ignore[operator]

    def _convert(self, to: np.dtype) -> Tensor:
        return self._apply(Convert, self, to=to, source=self._cell.array.dtype)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """self where `condition` holds, else `other`."""
        a, b = self._promoted(other)
        return self._apply(Where, condition._cast(np.dtype(np.bool_)), a, b)

    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """`value` where `mask` holds, else self."""
        if not isinstance(value, Methods):
            value = self._number(value, self._cell.array.dtype)
        c = mask._cast(np.dtype(np.bool_))
        return self._apply(Where, c, value._cast(self._cell.array.dtype), self)

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy that the gradient passes through."""
        return self._apply(Copy, self)
