"""Trigonometric and hyperbolic functions of every element; angles in radians."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


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


class Arcsinh(Elementwise):
    """Inverse of sinh  y = ln(x + √(x² + 1))."""

    def forward(x):
        return np.arcsinh(x)

    def vjp_x(g, x):
        return g / (x * x + 1).sqrt()


class Arccosh(Elementwise):
    """Inverse of cosh for x ≥ 1  y = ln(x + √(x² - 1))."""

    def forward(x):
        return np.arccosh(x)

    def vjp_x(g, x):
        return g / (x * x - 1).sqrt()


class Arctanh(Elementwise):
    """Inverse of tanh for |x| ≤ 1  y = ½ ln((1 + x) / (1 - x))."""

    def forward(x):
        return np.arctanh(x)

    def vjp_x(g, x):
        return g / (1 - x * x)


class Sinc(Elementwise):
    """Normalized sine  y = sin(πx) / (πx), and 1 at 0."""

    def forward(x):
        angle = np.pi * np.where(x == 0, 1, x)
        return np.where(x == 0, 1, np.sin(angle) / angle).astype(x.dtype, copy=False)

    def vjp_x(g, x, y):
        zero = x == 0
        return g * (((x * math.pi).cos() - y) / x.masked_fill(zero, 1)).masked_fill(zero, 0)


class Hypot(Elementwise):
    """Length of the point (a, b)  y = √(a² + b²), without overflow."""

    def forward(a, b):
        return np.hypot(a, b)

    def vjp_a(g, a, y):
        return g * (a / y)

    def vjp_b(g, b, y):
        return g * (b / y)


class Arctan2(Elementwise):
    """The angle of the point (b, a)  y = atan2(a, b), in radians, -π to π."""

    def forward(a, b):
        return np.arctan2(a, b)

    def vjp_a(g, a, b):
        return g * b / _squared_radius(a, b)

    def vjp_b(g, a, b):
        return -g * a / _squared_radius(a, b)


def _squared_radius(a: Tensor, b: Tensor) -> Tensor:
    """a² + b², infinite at the origin, so that the derivative of the angle there is 0."""
    square = a * a + b * b
    return square.masked_fill(square == 0, np.inf)


class TrigonometryMethods(Methods):
    """What a user calls; angles are in radians."""

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

    def atan2(self, other: Tensor) -> Tensor:
        """The angle of the point (other, self)."""
        a, b = self._promoted(other)
        return self._apply(Arctan2, a._floating(), b._floating())

    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2

    def sinh(self) -> Tensor:
        return self._apply(Sinh, self._floating())

    def cosh(self) -> Tensor:
        return self._apply(Cosh, self._floating())

    def tanh(self) -> Tensor:
        return self._apply(Tanh, self._floating())

    def asinh(self) -> Tensor:
        return self._apply(Arcsinh, self._floating())

    def acosh(self) -> Tensor:
        return self._apply(Arccosh, self._floating())

    def atanh(self) -> Tensor:
        return self._apply(Arctanh, self._floating())

    arcsinh, arccosh, arctanh = asinh, acosh, atanh

    def sinc(self) -> Tensor:
        """sin(πx) / (πx), and 1 at 0."""
        return self._apply(Sinc, self._floating())

    def hypot(self, other: Tensor) -> Tensor:
        """√(self² + other²), without overflow."""
        a, b = self._promoted(other)
        return self._apply(Hypot, a._floating(), b._floating())

    def deg2rad(self) -> Tensor:
        """Degrees as radians."""
        return self * (math.pi / 180)

    def rad2deg(self) -> Tensor:
        """Radians as degrees."""
        return self * (180 / math.pi)
