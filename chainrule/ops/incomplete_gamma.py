"""The regularized incomplete gamma functions, which NumPy lacks:

    P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt,   Q(a, x) = 1 - P(a, x)

The smaller of the two is computed and subtracted from 1 for the other:
small x      P by its power series, or Q by that of 1 - P, where a is small
a ≤ 50       P by its power series for x < a, Q by its continued fraction beyond
a > 50       the integral itself by Gauss's rule, from x outwards until it has died away

Source: DLMF 8.7.1, 8.9.2; Gautschi 1979, "A computational procedure for incomplete gamma
functions"; the continued fraction as in Lentz 1976
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.gamma_kernels import lgamma, lgamma1p, stirling_rest
from chainrule.ops.zeta_kernels import in_double

LARGE = 50.0  # shapes from here on are integrated
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
DEAD = 42.0  # e⁻⁴² is less than half a unit in the last place of 1
STEPS = 400  # of a series or fraction; below LARGE they end before
EPS = float(np.finfo(np.float64).eps)


@in_double
def igammac(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q(a, x); see igamma."""
    return _upper_and_lower(a, x)[0]


@in_double
def igamma(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P(a, x); nan for a < 0, x < 0 and where both are 0 or both inf.

    Notes: the largest relative error seen is 3e-14, for a up to 1e3 and P down to 1e-300.
    """
    return _upper_and_lower(a, x)[1]


def _upper_and_lower(a: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Q and P, of which one is computed and one is its complement."""
    a, x = np.broadcast_arrays(a, x)
    plain = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    shape, at = a[plain], x[plain]
    part, upper = np.empty_like(shape), _is_upper(shape, at)
    for case, way in (
        ((shape <= LARGE) & ~upper, _series),
        ((shape <= LARGE) & upper & (at <= 1.1), _upper_series),
        ((shape <= LARGE) & upper & (at > 1.1), _fraction),
        (shape > LARGE, _integral),
    ):
        part[case] = way(shape[case], at[case])
    q = np.full(a.shape, np.nan)
    p = np.full(a.shape, np.nan)
    q[plain] = np.where(upper, part, 1 - part)
    p[plain] = np.where(upper, 1 - part, part)
    none = ((x == 0) & (a > 0)) | (np.isinf(a) & (a > 0) & (x >= 0) & np.isfinite(x))
    full = ((a == 0) & (x > 0)) | ((x == np.inf) & (a >= 0) & np.isfinite(a))
    return np.where(none, 1, np.where(full, 0, q)), np.where(none, 0, np.where(full, 1, p))


def _is_upper(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Where Q is the one to compute: about where it is the smaller."""
    little = np.where(x <= 0.5, -0.4 / np.log(np.minimum(x, 0.5)), 1.1 * x)
    return np.where(x <= 1.1, a <= little, x >= a)


def _density(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """xᵃ e⁻ˣ / Γ(a + 1), from logarithms that do not cancel.

    Notes: for large a it is  exp(a (ln r - r + 1) - rest) / √(2πa)  with r = x/a.
    """
    small = np.minimum(a, LARGE)
    direct = np.exp(
        small * np.log(x)
        - x
        - np.where(a < 0.5, lgamma1p(small.clip(max=0.5)), lgamma(small + 1))
    )
    far = np.maximum(a, LARGE / 10)
    exponent = far * _log_less(x, far) - stirling_rest(far)
    return np.where(a > LARGE / 5, np.exp(exponent) / np.sqrt(2 * math.pi * far), direct)


def _log_less(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """ln(1 + z) - z with z = x/a - 1, which cancels near 0: there the series of ln(1 + z) in
    s = z/(2 + z), less its first term 2s = z - sz."""
    z = (x - a) / a
    near = np.abs(z) < 0.4
    s = np.where(near, z / (2 + z), 0.0)
    square, total = s * s, np.zeros_like(s)
    for k in range(45, 1, -2):
        total = (total + 2 / k) * square
    return np.where(near, s * (total - z), np.log(x / a) - z)


def _series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P = xᵃe⁻ˣ/Γ(a+1) (1 + x/(a+1) + x²/((a+1)(a+2)) + …)"""
    term, total = np.ones_like(a), np.ones_like(a)
    for n in range(1, STEPS):
        term *= x / (a + n)
        total += term
        if not np.any(term > EPS / 4 * total):
            break
    return _density(a, x) * total


def _upper_series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q = 1 - xᵃ/Γ(a+1) (1 + a Σ (-x)ⁿ/(n! (a+n))), each part without cancellation."""
    exponent = a * np.log(x) - np.where(a < 0.5, lgamma1p(a.clip(max=0.5)), lgamma(a + 1))
    term, total = np.ones_like(a), np.zeros_like(a)
    for n in range(1, 30):
        term *= -x / n
        total += term / (a + n)
    return -np.expm1(exponent) - np.exp(exponent) * a * total


def _fraction(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q = xᵃe⁻ˣ/Γ(a) · 1/(x+1-a - 1(1-a)/(x+3-a - 2(2-a)/(x+5-a - …)))"""
    b = x + 1 - a
    tiny = 1e-300
    c, d = np.full_like(a, 1 / tiny), 1 / np.where(b == 0, tiny, b)
    y = d.copy()
    for n in range(1, STEPS):
        numerator = n * (a - n)
        b = b + 2
        d = numerator * d + b
        c = b + numerator / c
        d = 1 / np.where(d == 0, tiny, d)
        step = c * d
        y *= step
        if not np.any(np.abs(step - 1) > EPS):
            break
    return _density(a, x) * a * y


def _integral(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """∫ tᵃ⁻¹e⁻ᵗ dt / Γ(a) from x away from the peak, upwards if x ≥ a, in v = |ln t - ln x|.

    Notes: the integrand is its value at x times  exp(av - x(eᵛ - 1))  upwards, which has
    fallen by e^-DEAD where  (x-a) v + xv²/2 = DEAD;  downwards much the same holds of 1 - e⁻ᵛ.
    """
    upwards = x >= a
    slope = np.abs(x - a)
    width = 2 * DEAD / (slope + np.sqrt(slope * slope + 2 * DEAD * np.maximum(x, a)))
    width = np.where(upwards, width, -np.log1p(-np.minimum(width, 0.9)))
    total = np.zeros_like(a)
    for node, weight in zip(NODES, WEIGHTS):
        v = width * (node + 1) / 2
        v = np.where(upwards, v, -v)
        total += weight * np.exp(a * v - x * np.expm1(v))
    return _density(a, x) * a * total * width / 2
