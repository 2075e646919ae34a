"""The gamma function, its derivatives and integrals, element by element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ArgumentError, GradientError
from chainrule.ops import gamma_kernels, incomplete_gamma, zeta_kernels
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Lgamma(Elementwise):
    """Logarithm of the gamma function  y = ln |Γ(x)|."""

    def forward(x):
        return gamma_kernels.lgamma(x)

    def vjp_x(g, x):
        return g * x.digamma()


class Digamma(Elementwise):
    """Logarithmic derivative of the gamma function  y = ψ(x) = d/dx ln Γ(x)."""

    def forward(x):
        return gamma_kernels.digamma(x)

    def vjp_x(g, x):
        return g * x.polygamma(1)


class Zeta(Elementwise):
    """Hurwitz's zeta function  y = Σₖ (q + k)⁻ˢ, k ≥ 0."""

    def forward(q, s):
        return zeta_kernels.zeta(s.astype(q.dtype), q).astype(q.dtype)

    def vjp_q(g, q, s):
        return -g * s * (s + 1).zeta(q)

    def vjp_s(g):
        raise _underivable("zeta", "its exponent, the first argument")


class Igamma(Elementwise):
    """Regularized lower incomplete gamma function  y = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt."""

    def forward(x, a):
        return incomplete_gamma.igamma(a.astype(x.dtype), x)

    def vjp_x(g, x, a):
        return g * _gamma_density(x, a)

    def vjp_a(g):
        raise _underivable("igamma", "its shape, the first argument")


class Igammac(Elementwise):
    """Regularized upper incomplete gamma function  y = 1/Γ(a) ∫ₓ^∞ tᵃ⁻¹ e⁻ᵗ dt."""

    def forward(x, a):
        return incomplete_gamma.igammac(a.astype(x.dtype), x)

    def vjp_x(g, x, a):
        return -g * _gamma_density(x, a)

    def vjp_a(g):
        raise _underivable("igammac", "its shape, the first argument")


def _gamma_density(x: Tensor, a: Tensor) -> Tensor:
    """xᵃ⁻¹ e⁻ˣ / Γ(a)"""
    return ((a - 1).xlogy(x) - x - a.lgamma()).exp()


def _underivable(function: str, argument: str) -> GradientError:
    return GradientError(
        "CR920",
        f"{function}() has no derivative with respect to {argument}; detach() that one",
    )


class GammaMethods(Methods):
    """What a user calls."""

    def lgamma(self) -> Tensor:
        """ln |Γ(x)|, the logarithm of the gamma function; Γ(n + 1) = n!

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([0.5, 1.0, 5.0]).lgamma()
            tensor([0.5724, 0.0000, 3.1781])
        """
        return self._apply(Lgamma, self._floating())

    def digamma(self) -> Tensor:
        """ψ(x) = d/dx ln Γ(x)

        Example:
            >>> import chainrule as cr
            >>> cr.tensor([1.0, 2.0]).digamma()
            tensor([-0.5772,  0.4228])
        """
        return self._apply(Digamma, self._floating())

    def polygamma(self, n: int) -> Tensor:
        """ψ⁽ⁿ⁾(x), the n-th derivative of digamma: (-1)ⁿ⁺¹ n! ζ(n + 1, x) for n ≥ 1."""
        if n < 0:
            raise ArgumentError("CR902", f"polygamma: n is 0 or more, got {n}")
        x = self._floating()
        if n == 0:
            return x.digamma()
        return (-1) ** (n + 1) * math.factorial(n) * x.full_like(n + 1).zeta(x)

    def mvlgamma(self, p: int) -> Tensor:
        """ln Γₚ(x) = p(p-1)/4 ln π + Σⱼ ln Γ(x - j/2), j < p: of the Wishart distribution."""
        if p < 1:
            raise ArgumentError("CR902", f"mvlgamma: p is 1 or more, got {p}")
        x = self._floating()
        halves = x.unsqueeze(-1) - self._of(_halves(p))._cast(x._cell.array.dtype)
        return halves.lgamma().sum(-1) + p * (p - 1) / 4 * math.log(math.pi)

    def zeta(self, other: Any) -> Tensor:
        """Hurwitz's ζ(self, other) = Σₖ (other + k)^(-self), k ≥ 0; differentiable in other."""
        s, q = self._promoted(other)
        return self._apply(Zeta, q._floating(), s._floating())

    def igamma(self, other: Tensor) -> Tensor:
        """P(self, other) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt: the distribution function of Gamma(a, 1).

        Example:
            >>> import chainrule as cr
            >>> cr.igamma(cr.tensor([1.0, 2.0]), cr.tensor([0.5, 3.0]))
            tensor([0.3935, 0.8009])
        """
        a, x = self._promoted(other)
        return self._apply(Igamma, x._floating(), a._floating())

    def igammac(self, other: Tensor) -> Tensor:
        """Q(self, other) = 1 - igamma(self, other), exact where it is small."""
        a, x = self._promoted(other)
        return self._apply(Igammac, x._floating(), a._floating())


def _halves(count: int) -> Any:
    return np.arange(count) / 2
