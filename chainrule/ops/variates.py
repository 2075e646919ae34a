"""Random numbers of the gamma, Dirichlet, Poisson and binomial laws.

As the uniform ones they are functions of a seed and a draw, and of the parameters. A gamma
or Dirichlet number has a derivative with respect to them, at a fixed value of its
distribution function: see implicit_kernels.
"""

from __future__ import annotations

import numpy as np

from chainrule import shapes
from chainrule.errors import GradientError
from chainrule.ops import implicit_kernels, variate_kernels
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.primitive import Primitive
from chainrule.ops.variate_kernels import Words


class Variate(Primitive, abstract=True):
    """The family: one number for each element of the parameters, of their type."""

    def shape(x, seed, draw):
        return x


class RandomGamma(Variate):
    """Numbers from Gamma(a, 1), none of them 0."""

    def forward(a, seed, draw):
        wide = a.astype(np.float64)
        logs = variate_kernels.log_gamma_variates(wide.reshape(-1), Words(seed, draw))
        return np.maximum(np.exp(logs).astype(a.dtype), np.finfo(a.dtype).tiny).reshape(a.shape)

    def vjp_a(g, y, a):
        return g * y._apply(GammaSlope, y, a)


class RandomDirichlet(Variate):
    """Vectors on the last axis from Dirichlet(a): gamma numbers over their sum."""

    def forward(a, seed, draw):
        wide = a.astype(np.float64)
        logs = variate_kernels.log_gamma_variates(wide.reshape(-1), Words(seed, draw))
        logs = logs.reshape(a.shape)
        y = np.exp(logs - logs.max(-1, keepdims=True, initial=-np.inf))
        return np.maximum(y / y.sum(-1, keepdims=True), np.finfo(a.dtype).tiny).astype(a.dtype)

    def vjp_a(g, y, a):
        others = a.sum(-1, keepdim=True) - a
        slope = y._apply(DirichletSlope, y, a, others)
        return slope * (g - (y * g).sum(-1, keepdim=True))


class RandomPoisson(Variate):
    """Whole numbers from Poisson(rate), as floats."""

    def forward(rate, seed, draw):
        wide = rate.astype(np.float64).reshape(-1)
        y = variate_kernels.poisson_variates(wide, Words(seed, draw))
        return y.astype(rate.dtype).reshape(rate.shape)


class RandomBinomial(Primitive):
    """Numbers of successes from Binomial(count, prob), as floats."""

    def forward(count, prob, seed, draw):
        n, p = np.broadcast_arrays(count.astype(np.float64), prob.astype(np.float64))
        y = variate_kernels.binomial_variates(n.reshape(-1), p.reshape(-1), Words(seed, draw))
        return y.astype(count.dtype).reshape(n.shape)

    def shape(count, prob, seed, draw):
        return shapes.broadcast(count, prob)


class GammaSlope(Elementwise):
    """y = ∂x/∂a of x from Gamma(a, 1), at a fixed value of its distribution function."""

    def forward(x, a):
        return implicit_kernels.gamma_slope(x, a)

    def vjp_x(g):
        raise _underivable("gamma")

    def vjp_a(g):
        raise _underivable("gamma")


class DirichletSlope(Elementwise):
    """y = ∂x/∂a / (1 - x) of x from Beta(a, b), at a fixed value of its distribution
    function; of a vector from a Dirichlet distribution b is the sum of its other shapes."""

    def forward(x, a, b):
        return implicit_kernels.dirichlet_slope(x, a, b)

    def vjp_x(g):
        raise _underivable("Dirichlet")

    def vjp_a(g):
        raise _underivable("Dirichlet")

    def vjp_b(g):
        raise _underivable("Dirichlet")


def _underivable(law: str) -> GradientError:
    return GradientError(
        "CR920",
        f"a {law} sample has a first derivative with respect to its parameters, but no second "
        "one; call backward or grad on it without create_graph",
    )
