"""The logarithm of the gamma function and its derivatives, which NumPy lacks.

    Γ(x) = ∫₀^∞ tˣ⁻¹ e⁻ᵗ dt,   ψ(x) = d/dx ln Γ(x)

ln Γ:  Taylor's series around 2 (Abramowitz & Stegun 1964, 6.1.33) from ½ to 2½, shifted there
       by Γ(x+1) = x Γ(x) up to 10; Stirling's series beyond (6.1.40); reflection below 0
       (6.1.17).
ψ:     Taylor's series around its root, so that it is exact there; the asymptotic series
       (6.3.18) from 10 on, reached by ψ(x+1) = ψ(x) + 1/x; reflection below 0 (6.3.7).
The coefficients are values of Hurwitz's zeta function, computed when this file is loaded.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.zeta_kernels import BERNOULLI, horner, in_double, zeta

LARGE = 10.0  # from here on the asymptotic series hold
TERMS = 9  # of them


def _zetas(count: int, q: float) -> list[float]:
    """ζ(2, q), ζ(3, q), …"""
    return zeta(np.arange(2.0, 2.0 + count), np.asarray(q)).tolist()


#: ln Γ(2 + z) / z = 1 - γ + Σₖ (-1)ᵏ ζ(k, 2) zᵏ⁻¹/k
AROUND_TWO = (
    1 - np.euler_gamma,
    *[(-1) ** k * value / k for k, value in enumerate(_zetas(27, 2.0), start=2)],
)
#: ln Γ(x) - (x - ½) ln x + x - ½ ln 2π = Σₖ B₂ₖ / (2k (2k-1)) x^(1-2k)
STIRLING = tuple(b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI[:TERMS]))
#: ψ(x) - ln x + 1/(2x) = -Σₖ B₂ₖ / 2k x^(-2k)
DIGAMMA = tuple(-b / (2 * k + 2) for k, b in enumerate(BERNOULLI[:TERMS]))
ROOT = (1.4616321449683622, 9.549995429965697e-17)  # of ψ, as the sum of two floats
#: ψ(x) / (x - root)
AROUND_ROOT = tuple((-1) ** k * value for k, value in enumerate(_zetas(30, ROOT[0])))


def lgamma1p(z: np.ndarray) -> np.ndarray:
    """ln Γ(1 + z) for -½ ≤ z ≤ ½, exact near 0."""
    return z * horner(AROUND_TWO, z) - np.log1p(z)


def stirling_rest(x: np.ndarray) -> np.ndarray:
    """ln Γ(x) - (x - ½) ln x + x - ½ ln 2π for large x."""
    return horner(STIRLING, 1 / (x * x)) / x


def _middle(x: np.ndarray) -> np.ndarray:
    """ln Γ(x) for x from ½ to 10: shifted to 1½ … 2½ by factors."""
    factors = np.ones_like(x)
    for _ in range(int(LARGE) - 2):
        beyond = x > 2.5
        x = np.where(beyond, x - 1, x)
        factors = np.where(beyond, factors * x, factors)
    near_one = x < 1.5
    z = np.where(near_one, x - 1, x - 2)
    y = z * horner(AROUND_TWO, z)
    return np.where(near_one, y - np.log1p(z), y + np.log(factors))


def _positive(x: np.ndarray) -> np.ndarray:
    return np.piecewise(
        x,
        [x < 0.5, (x >= 0.5) & (x < LARGE)],
        [
            lambda x: lgamma1p(x) - np.log(x),
            _middle,
            lambda x: (
                (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + stirling_rest(x)
            ),
        ],
    )


@in_double
def lgamma(x: np.ndarray) -> np.ndarray:
    """ln |Γ(x)|; inf at 0, at the negative whole numbers and at ±inf.

    Notes: the largest relative error seen for x > 0 is 2e-15; for x < 0, where ln |Γ| has
    roots, the error is absolute there.
    """
    y = _positive(np.where(np.isfinite(x) & (x != 0), np.abs(x), 1.0))
    below = x < 0
    if below.any():
        fraction = np.abs(x - np.rint(x))
        reflected = math.log(math.pi) - np.log(np.abs(x) * np.sin(math.pi * fraction)) - y
        y = np.where(below, reflected, y)
    infinite = np.isinf(x) | ((x <= 0) & (x == np.floor(x)))
    return np.where(np.isnan(x), np.nan, np.where(infinite, np.inf, y))


def _around_root(x: np.ndarray) -> np.ndarray:
    distance = (x - ROOT[0]) - ROOT[1]
    return distance * horner(AROUND_ROOT, distance)


def _asymptotic(x: np.ndarray) -> np.ndarray:
    """ψ(x) for x > 0: the terms 1/x up to the large numbers, then the series."""
    terms = np.zeros_like(x)
    for _ in range(int(LARGE)):
        small = x < LARGE
        terms = np.where(small, terms + 1 / x, terms)
        x = np.where(small, x + 1, x)
    inverse = 1 / (x * x)
    return np.log(x) - 0.5 / x + inverse * horner(DIGAMMA, inverse) - terms


def _cotangent(x: np.ndarray) -> np.ndarray:
    """cot πx for |x| ≤ ½, exact at its pole, where it is nan here, and at its roots."""
    near = np.where(np.abs(x) < 0.25, x, 0.25)
    far = np.tan(math.pi * (np.copysign(0.5, x) - x))
    return np.where(x == 0, np.nan, np.where(near == x, 1 / np.tan(math.pi * near), far))


@in_double
def digamma(x: np.ndarray) -> np.ndarray:
    """ψ(x); ∓inf at ±0, nan at the negative whole numbers and at -inf."""
    below = x < 0
    z = np.where(below, 1 - x, np.where(x == 0, 1.0, x))
    y = np.piecewise(z, [np.abs(z - ROOT[0]) < 0.4], [_around_root, _asymptotic])
    if below.any():
        y = np.where(below, y - math.pi * _cotangent(x - np.rint(x)), y)
    return np.where(x == 0, np.copysign(np.inf, -x), y)
