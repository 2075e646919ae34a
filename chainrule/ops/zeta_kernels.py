"""Hurwitz's zeta function  ζ(s, q) = Σₙ (q + n)⁻ˢ, n ≥ 0, and what the gamma family shares.

The first terms are added up; the rest is Euler and Maclaurin's integral with corrections,
    (q+N)¹⁻ˢ/(s-1) + (q+N)⁻ˢ/2 + Σₖ B₂ₖ/(2k)! s(s+1)⋯(s+2k-2) (q+N)^(1-s-2k).

Source: Abramowitz & Stegun 1964, 23.1.30 and 23.2.9; DLMF 25.11.5
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

#: B₂, B₄, … of Bernoulli
BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
    -174611 / 330, 854513 / 138, -236364091 / 2730,
)  # fmt: skip
BLOCK = 8192  # elements computed at a time, so that all steps stay in the fastest cache
FIRST = 12  # terms added up before the integral


def in_double(kernel: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """The kernel for any real type and shape: computed on vectors of float64, a block at a
    time, and rounded to the type of the first."""

    @functools.wraps(kernel)
    def rounded(x: np.ndarray, *others: np.ndarray) -> np.ndarray:
        arrays = np.broadcast_arrays(x, *others)
        y = np.empty(arrays[0].shape, x.dtype)
        sources, target = [np.ravel(a) for a in arrays], y.reshape(-1)
        for start in range(0, y.size, BLOCK):
            part = slice(start, start + BLOCK)
            target[part] = kernel(*[a[part].astype(np.float64) for a in sources])
        return y

    return rounded


def horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """c₀ + c₁ x + c₂ x² + …"""
    y = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        y *= x
        y += coefficient
    return y


@in_double
def zeta(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """ζ(s, q); inf at s = 1 and where q is 0 or a negative whole number.

    Notes: nan for s < 1, and where a negative q meets an s that is not whole. With N so large
    that q + N > 0 the terms before it are those of another zeta function, read backwards.
    """
    s, q = np.broadcast_arrays(s, q)
    pole = (q <= 0) & (q == np.floor(q))
    bad = (s < 1) | ((q < 0) & (s != np.floor(s))) | np.isnan(s) | np.isnan(q)
    fine = ~(pole | bad | (s == 1))
    s, safe = np.where(fine, s, 2.0), np.where(fine, q, 1.0)
    steps = np.maximum(np.ceil(-safe), 0)
    y = _positive(s, safe + steps)
    if steps.any():
        mirrored = 1 - (safe + steps)
        before = _positive(s, np.where(steps > 0, mirrored, 1.0)) - _positive(
            s, 1 - safe.clip(max=0)
        )
        sign = np.where(s % 2 == 0, 1.0, -1.0)
        y = np.where(steps > 0, y + sign * before, y)
    y = np.where(np.isposinf(q), 0, y)
    return np.where(fine, y, np.where(bad & ~pole, np.nan, np.inf))


def _positive(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """ζ(s, q) for s > 1 and q > 0."""
    y = np.zeros(q.shape)
    for n in range(FIRST):
        y += (q + n) ** -s
    end = q + FIRST
    last = end**-s
    y += last * end / (s - 1) + last / 2
    factor = s * last / end
    for k, bernoulli in enumerate(BERNOULLI):
        y += bernoulli / math.factorial(2 * k + 2) * factor
        factor = factor * (s + 2 * k + 1) * (s + 2 * k + 2) / (end * end)
    return y
