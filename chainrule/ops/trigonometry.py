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


class Arctan2(Elementwise):
    """The angle of the point (b, a)  y = atan2(a, b), in radians, -π to π."""

    def forward(a, b):
        return np.arctan2(a, b)

    def vjp_a(g, a, b):
        return g * b / (a * a + b * b)

    def vjp_b(g, a, b):
        return -g * a / (a * a + b * b)


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

    def deg2rad(self) -> Tensor:
        """Degrees as radians."""
        return self * (math.pi / 180)

    def rad2deg(self) -> Tensor:
        """Radians as degrees."""
        return self * (180 / math.pi)
