"""How a sample moves with the shape of its distribution, at a fixed value of its
distribution function F:

    F(x; a) = u   ⇒   ∂x/∂a = -∂F/∂a / p(x)

for the gamma and the beta distribution. With F̄ = 1 - F this is ∂F̄/∂a / p as well, and with
m = E[ln t] both are integrals of one sign:

    ∂x/∂a = ∫₀ˣ (m - ln t) p(t)/p(x) dt = ∫ₓ^end (ln t - m) p(t)/p(x) dt

The first is taken where ln x < m, the second beyond, so that nothing cancels: as the
derivative of a power series with positive terms where p is steep at the end of the integral
(its exponent there is below LARGE), and by Gauss's rule from x outwards elsewhere.

Source: Figurnov, Mohamed & Mnih 2018, "Implicit reparameterization gradients"; the power
series are DLMF 8.7.1 and 8.17.8
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.ops.gamma_kernels import digamma
from chainrule.ops.zeta_kernels import in_double

LARGE = 10.0
TERMS = 1000
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
DEAD = 38.0  # an integrand below e⁻³⁸ is not looked at
EPS = float(np.finfo(np.float64).eps)


@in_double
def gamma_slope(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """∂x/∂a of x from Gamma(a, 1)."""
    series = (a < LARGE) & (np.log(x) < digamma(a + 1))
    y = np.empty_like(x)
    y[series] = _gamma_series(x[series], a[series])
    at, shape = x[~series], a[~series]
    mean_log = digamma(shape)
    side = np.where(np.log(at) < mean_log, -1.0, 1.0)
    y[~series] = _integral(
        side,
        np.where(side < 0, at, np.inf),
        np.log(at) - mean_log,
        at,
        (shape - 1) / at - 1,
        (shape - 1) / at**2,
        lambda s: (shape - 1) * np.log1p(s / at) - s,
    )
    return y


def _gamma_series(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """x Σₖ tₖ (ψ(a + k + 1) - ln x)  with  tₖ = xᵏ / (a (a+1) … (a+k))."""
    bracket, ratio = digamma(a + 1) - np.log(x), x / a
    return _summed(ratio, bracket, lambda k: (x / (a + k), 1 / (a + k)))


@in_double
def dirichlet_slope(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """∂x/∂a / (1 - x) of x from Beta(a, b)."""
    mean_log = digamma(a) - digamma(a + b)
    above = np.log(x) > np.where(a < LARGE, mean_log + 1 / a, mean_log)
    above = np.where((a < LARGE) & (b < LARGE), x > 0.5, above)
    y = np.empty_like(x)
    for case, way in (
        (~above & (a < LARGE), _lower_beta_series),
        (above & (b < LARGE), _upper_beta_series),
        ((above & (b >= LARGE)) | (~above & (a >= LARGE)), _beta_integral),
    ):
        y[case] = way(x[case], a[case], b[case])
    return y


def _lower_beta_series(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x/a Σₖ tₖ (ψ(a+k+1) - ψ(a+b+k) - ln x)  with  tₖ/tₖ₋₁ = x (a+b+k-1) / (a+k)."""
    bracket = digamma(a + 1) - digamma(a + b) - np.log(x)
    return _summed(
        x / a,
        bracket,
        lambda k: (x * (a + b + k - 1) / (a + k), 1 / (a + k) - 1 / (a + b + k - 1)),
    )


def _upper_beta_series(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x/b Σₖ tₖ (ln x - ψ(a) + ψ(a+b+k))  with  tₖ/tₖ₋₁ = (1-x) (a+b+k-1) / (b+k)."""
    bracket = np.log(x) - digamma(a) + digamma(a + b)
    return _summed(
        x / b,
        bracket,
        lambda k: ((1 - x) * (a + b + k - 1) / (b + k), 1 / (a + b + k - 1)),
    )


def _summed(
    term: np.ndarray,
    bracket: np.ndarray,
    step: Callable[[int], tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """Σₖ term · bracket; step(k) is what the one is multiplied by and the other grows by."""
    total = term * bracket
    for k in range(1, TERMS):
        factor, growth = step(k)
        term, bracket = term * factor, bracket + growth
        total = total + term * bracket
        if (np.abs(term * bracket) <= EPS / 4 * np.abs(total)).all():
            break
    return total


def _beta_integral(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    distance = np.log(x) - digamma(a) + digamma(a + b)
    side = np.where(distance < 0, -1.0, 1.0)
    rest = 1 - x
    slope = (a - 1) / x - (b - 1) / rest
    bend = (a - 1) / x**2 + (b - 1) / rest**2

    def log_ratio(s: np.ndarray) -> np.ndarray:
        return (a - 1) * np.log1p(s / x) + (b - 1) * np.log1p(-s / rest)

    end = np.where(side < 0, x, rest)
    return _integral(side, end, distance, x, slope, bend, log_ratio) / rest


def _integral(
    side: np.ndarray,
    end: np.ndarray,
    distance: np.ndarray,
    x: np.ndarray,
    slope: np.ndarray,
    bend: np.ndarray,
    log_ratio: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """∫ |distance + ln(t/x)| p(t)/p(x) dt from x to its side, until p has died away.

    log_ratio(s) = ln p(x+s)/p(x), with `slope` and -`bend` its first two derivatives at 0.
    """
    reach = np.minimum(_reach(side * slope, np.maximum(bend, 0), side, log_ratio, end), end)
    total = np.zeros_like(x)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        s = side * reach * ((node + 1) / 2)
        total += weight / 2 * (distance + np.log1p(s / x)) * np.exp(log_ratio(s))
    return side * reach * total


def _reach(slope, bend, side, log_ratio, end) -> np.ndarray:
    """Where -log_ratio is DEAD, or more: the root of its parabola, mended by secants."""
    far = 2 * DEAD / (-slope + np.sqrt(slope**2 + 2 * DEAD * bend))
    for _ in range(3):
        inside = np.minimum(far, end * (1 - 1e-12))
        far = far * np.maximum(1.0, DEAD / np.maximum(-log_ratio(side * inside), 1e-3))
    return far
