"""The modified Bessel functions Iₙ of order 0 and 1, of which NumPy has one.

|x| ≤ 25:  the power series, all of whose terms are positive (DLMF 10.25.2);
beyond:    the asymptotic series (10.40.1).
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.zeta_kernels import horner, in_double

FAR = 25.0  # from here on the asymptotic series
TERMS = 80  # of the power series of I


def _power_series(order: int) -> tuple[float, ...]:
    """1 / (k! (k + n)!), the coefficients of (x²/4)ᵏ in Iₙ(x) (x/2)⁻ⁿ."""
    return tuple(1 / (math.factorial(k) * math.factorial(k + order)) for k in range(TERMS))


def _asymptotic(order: int, count: int) -> tuple[float, ...]:
    """aₖ = (4n² - 1²)(4n² - 3²) ⋯ (4n² - (2k-1)²) / (k! 8ᵏ)"""
    found = [1.0]
    for k in range(1, count):
        found.append(found[-1] * (4 * order * order - (2 * k - 1) ** 2) / (8 * k))
    return tuple(found)


def _scaled_i(order: int, x: np.ndarray) -> np.ndarray:
    """exp(-|x|) Iₙ(x)"""
    size = np.abs(x)
    near = np.minimum(size, FAR)
    series = horner(_power_series(order), near * near / 4) * (near / 2) ** order
    z = 1 / np.maximum(size, FAR)
    beyond = horner(_asymptotic(order, 28), -z) * np.sqrt(z / (2 * math.pi))
    y = np.where(size <= FAR, series * np.exp(-near), beyond)
    return np.copysign(y, x) if order % 2 else y


@in_double
def i0(x: np.ndarray) -> np.ndarray:
    """The modified Bessel function of the first kind, of order 0."""
    return _scaled_i(0, x) * np.exp(np.abs(x))


@in_double
def i1(x: np.ndarray) -> np.ndarray:
    """The modified Bessel function of the first kind, of order 1."""
    return _scaled_i(1, x) * np.exp(np.abs(x))


@in_double
def i0e(x: np.ndarray) -> np.ndarray:
    """exp(-|x|) I₀(x)"""
    return _scaled_i(0, x)


@in_double
def i1e(x: np.ndarray) -> np.ndarray:
    """exp(-|x|) I₁(x)"""
    return _scaled_i(1, x)
