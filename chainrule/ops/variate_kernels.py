"""Random numbers of other laws than the uniform one: exact methods on whole arrays.

Every function is pure: what it returns depends on its arguments and on the words of the
source alone. Rejection repeats, for the places still open, until none is left.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.gamma_kernels import lgamma

SMALL = 10.0  # means below this are found by counting up


class Words:
    """The random words of one draw, one after the other, as numbers of two laws."""

    def __init__(self, seed: np.ndarray, draw: np.ndarray) -> None:
        key = np.array([seed, draw], np.int64).view(np.uint64)
        self._source = np.random.Philox(key=key)

    def uniform(self, count: int) -> np.ndarray:
        """Numbers from 0 (excluded) to 1 (excluded)."""
        bits = np.asarray(self._source.random_raw(count), "<u8") >> np.uint64(12)
        return (bits + 0.5) * 2.0**-52

    def normal(self, count: int) -> np.ndarray:
        """Gaussian numbers.        Source: Box & Muller 1958"""
        radius = np.sqrt(-2 * np.log(self.uniform(count)))
        return radius * np.cos(2 * math.pi * self.uniform(count))


def log_gamma_variates(a: np.ndarray, words: Words) -> np.ndarray:
    """ln x for x from Gamma(a, 1): a logarithm, as x underflows where a is small.

    x = d (1 + c z)³ is accepted or drawn again. For a < 1 it is drawn for a + 1, and
    multiplied by u^(1/a).        Source: Marsaglia & Tsang 2000
    """
    raised = np.where(a < 1, a + 1, a)
    d = raised - 1 / 3
    c = 1 / np.sqrt(9 * d)
    y = np.full(a.shape, np.nan)
    open_places = np.flatnonzero(a > 0)
    while open_places.size:
        count = open_places.size
        z, u = words.normal(count), words.uniform(count)
        wide, v = d[open_places], 1 + c[open_places] * z
        log_cube = 3 * np.log(np.maximum(v, 1e-300))
        inside = z * z / 2 + wide * (1 - v**3 + log_cube)
        accepted = (v > 0) & (np.log(u) < inside)
        y[open_places[accepted]] = (np.log(wide) + log_cube)[accepted]
        open_places = open_places[~accepted]
    return np.where(a < 1, y + np.log(words.uniform(a.size)) / np.minimum(a, 1), y)


def poisson_variates(rate: np.ndarray, words: Words) -> np.ndarray:
    """Whole numbers with mean `rate`; nan where it is nan or negative."""
    y = np.where(rate >= 0, 0.0, np.nan)
    small = np.flatnonzero((rate > 0) & (rate < SMALL))
    rates = rate[small]
    y[small] = _counted_up(words, np.exp(-rates), lambda k, p: p * rates / k)
    large = np.flatnonzero(rate >= SMALL)
    y[large] = _poisson_by_rejection(rate[large], words)
    return y


def binomial_variates(n: np.ndarray, p: np.ndarray, words: Words) -> np.ndarray:
    """How many of n trials succeed, each with probability p; nan where p is none."""
    rare = np.minimum(p, 1 - p)
    fits = (n >= 0) & (p >= 0) & (p <= 1)
    y = np.where(fits, 0.0, np.nan)
    small = np.flatnonzero(fits & (n * rare > 0) & (n * rare < SMALL))
    trials, odds = n[small], rare[small] / (1 - rare[small])
    nothing = np.exp(trials * np.log1p(-rare[small]))
    y[small] = _counted_up(words, nothing, lambda k, q: q * odds * (trials - k + 1) / k)
    large = np.flatnonzero(fits & (n * rare >= SMALL))
    y[large] = _binomial_by_rejection(n[large], rare[large], words)
    return np.where(p > 0.5, n - y, y)


def _counted_up(words: Words, first: np.ndarray, following) -> np.ndarray:
    """The least k whose distribution function reaches a uniform number; p(0) is `first` and
    p(k) is following(k, p(k - 1))."""
    left = words.uniform(first.size) - first
    y, p, k = np.zeros(first.size), first, 0
    while ((left > 0) & (p > 0)).any():
        k += 1
        y += left > 0
        p = np.maximum(following(k, p), 0)
        left = left - p
    return y


def _poisson_by_rejection(rate: np.ndarray, words: Words) -> np.ndarray:
    """Source: Hörmann 1993, "The transformed rejection method for generating Poisson random
    variables", algorithm PTRS."""
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    scale = 1.1239 + 1.1328 / (b - 3.4)
    log_rate = np.log(rate)

    def log_density(k: np.ndarray, at: np.ndarray) -> np.ndarray:
        return k * log_rate[at] - rate[at] - lgamma(k + 1)

    return _by_transformed_rejection(words, a, b, rate + 0.43, scale, log_density)


def _binomial_by_rejection(n: np.ndarray, p: np.ndarray, words: Words) -> np.ndarray:
    """Source: Hörmann 1993, "The generation of binomial random variates", algorithm BTRS."""
    spread = np.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    scale = (2.83 + 5.1 / b) * spread
    log_odds, mode = np.log(p / (1 - p)), np.floor((n + 1) * p)
    top = lgamma(mode + 1) + lgamma(n - mode + 1)

    def log_density(k: np.ndarray, at: np.ndarray) -> np.ndarray:
        inside = np.clip(k, 0, n[at])
        ratio = top[at] - lgamma(inside + 1) - lgamma(n[at] - inside + 1)
        found = ratio + (inside - mode[at]) * log_odds[at]
        return np.where(k <= n[at], found, -np.inf)

    return _by_transformed_rejection(words, a, b, n * p + 0.5, scale, log_density)


def _by_transformed_rejection(words, a, b, center, scale, log_density) -> np.ndarray:
    """k = ⌊(2a / (½ - |u|) + b) u + center⌋ for u from -½ to ½, accepted with a probability
    in proportion to its density over that of the transformed u."""
    y = np.zeros(a.size)
    open_places = np.arange(a.size)
    while (at := open_places).size:
        u, v = words.uniform(at.size) - 0.5, words.uniform(at.size)
        tail = 0.5 - np.abs(u)
        k = np.floor((2 * a[at] / tail + b[at]) * u + center[at])
        bound = np.log(v * scale[at] / (a[at] / tail**2 + b[at]))
        accepted = (k >= 0) & (bound <= log_density(np.maximum(k, 0), at))
        y[at[accepted]] = k[accepted]
        open_places = at[~accepted]
    return y
