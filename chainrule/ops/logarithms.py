"""Logarithms that meet products and sums, each with its limit at 0 or without overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class XLogY(Elementwise):
    """y = a ln b, and 0 where a = 0 (unless b is nan)."""

    def forward(a, b):
        return np.where((a == 0) & ~np.isnan(b), 0, a * np.log(b)).astype(a.dtype, copy=False)

    def vjp_a(g, a, b):
        return g * b.log().masked_fill((a == 0) & (b <= 0), 0)

    def vjp_b(g, a, b):
        return g * a / b


class XLog1pY(Elementwise):
    """y = a ln(1 + b), and 0 where a = 0 (unless b is nan)."""

    def forward(a, b):
        return np.where((a == 0) & ~np.isnan(b), 0, a * np.log1p(b)).astype(a.dtype, copy=False)

    def vjp_a(g, a, b):
        return g * b.log1p().masked_fill((a == 0) & (b <= -1), 0)

    def vjp_b(g, a, b):
        return g * a / (b + 1)


class Entropy(Elementwise):
    """y = -x ln x, 0 at 0 and -inf below: the terms of an entropy."""

    def forward(x):
        y = np.where(x == 0, 0, -x * np.log(x))
        return np.where(x < 0, -np.inf, y).astype(x.dtype, copy=False)

    def vjp_x(g, x):
        return -g * (x.log() + 1)


class LogarithmMethods(Methods):
    """What a user calls."""

    def xlogy(self, other: Any) -> Tensor:
        """self · ln(other), and 0 where self is 0.

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([0.0, 2.0]).xlogy(cr.tensor([0.0, 1.0]))
            tensor([0., 0.])
        """
        a, b = self._promoted(other)
        return self._apply(XLogY, a._floating(), b._floating())

    def xlog1py(self, other: Any) -> Tensor:
        """self · ln(1 + other), and 0 where self is 0."""
        a, b = self._promoted(other)
        return self._apply(XLog1pY, a._floating(), b._floating())

    def entr(self) -> Tensor:
        """-x ln x; 0 at 0, -inf below."""
        return self._apply(Entropy, self._floating())

    def logaddexp(self, other: Tensor) -> Tensor:
        """ln(eˣ + eʸ) of each pair, without overflow."""
        a, b = self._promoted(other)
        largest = _finite_maximum(a, b)
        return ((a - largest).exp() + (b - largest).exp()).log() + largest

    def logaddexp2(self, other: Tensor) -> Tensor:
        """log₂(2ˣ + 2ʸ) of each pair, without overflow."""
        a, b = self._promoted(other)
        largest = _finite_maximum(a, b)
        return ((a - largest).exp2() + (b - largest).exp2()).log2() + largest


def _finite_maximum(a: Tensor, b: Tensor) -> Tensor:
    largest = a.detach().maximum(b.detach())
    return largest.masked_fill(~largest.isfinite(), 0)
