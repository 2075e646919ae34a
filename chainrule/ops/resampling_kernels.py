"""Which elements of an axis make up each element of the resampled axis, and with what weights.

An axis of n elements becomes one of m. Element i of the output lies at the place

    c = r (i + ½) - ½        with r = n / m elements of the input to one of the output,
    c = r i                  with align_corners, r = (n - 1) / (m - 1),

of the input, and is a weighted sum of the elements around it. A table of such sums has one
row for each term: positions and weights, both (terms, m).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Resampling(NamedTuple):
    """How an axis is resampled."""

    kind: str  # "nearest", "nearest-exact", "linear", "cubic" or "lanczos"
    size: int  # n
    output: int  # m
    ratio: float  # r
    align_corners: bool = False
    antialias: bool = False


Table = tuple[np.ndarray, np.ndarray]  # positions, weights


def weighted_sums(x: np.ndarray, table: Table, axis: int) -> np.ndarray:
    """y[i] = Σ_t w[t, i] x[p[t, i]] along an axis."""
    positions, weights = table
    trailing = (-1, *[1] * (x.ndim - 1 - axis))
    total: np.ndarray | None = None
    for at, weight in zip(positions, weights, strict=True):
        term = x.take(at, axis, mode="clip")
        if (weight != 1).any():
            term *= weight.astype(x.dtype).reshape(trailing)
        total = term if total is None else np.add(total, term, out=total)
    return np.zeros_like(x.take([], axis)) if total is None else total


@functools.lru_cache(256)
def table(how: Resampling) -> Table:
    """The sums that are the elements of the output."""
    if how.antialias:
        return _averages(how)
    if how.kind.startswith("nearest"):
        return _nearest(how)[None], np.ones((1, how.output))
    places = _places(how)
    if how.kind == "linear":
        places = np.maximum(places, 0)
    first = np.minimum(np.floor(places), how.size - 1)
    part = np.minimum(places - first, 1) if how.kind == "linear" else places - first
    offsets, weights = _around(how.kind, part)
    return np.clip(first.astype(np.int64) + offsets[:, None], 0, how.size - 1), weights


@functools.lru_cache(256)
def transposed_table(how: Resampling) -> Table:
    """The sums that are the cotangents of the input: the same numbers, by input element."""
    positions, weights = table(how)
    entries = np.flatnonzero(weights)
    inputs, outputs = positions.flat[entries], entries % how.output
    order = np.argsort(inputs, kind="stable")
    counts = np.bincount(inputs, minlength=how.size)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (int(counts.max(initial=0)), how.size)
    back, shares = np.zeros(shape, np.int64), np.zeros(shape)
    back[rank, inputs[order]] = outputs[order]
    shares[rank, inputs[order]] = weights.flat[entries[order]]
    return back, shares


def _places(how: Resampling) -> np.ndarray:
    """The place of each element of the output among the elements of the input."""
    i = np.arange(how.output)
    return how.ratio * i if how.align_corners else how.ratio * (i + 0.5) - 0.5


def _nearest(how: Resampling) -> np.ndarray:
    """One element for each of the output, found in single precision as everywhere."""
    i = np.arange(how.output, dtype=np.float32)
    half = np.float32(0.5 if how.kind == "nearest-exact" else 0)
    at = np.floor((i + half) * np.float32(how.ratio)).astype(np.int64)
    return np.minimum(at, how.size - 1)


def _around(kind: str, part: np.ndarray) -> Table:
    """The neighbours of a place that is `part` of the way to the next element."""
    if kind == "linear":
        return np.arange(2), np.stack([1 - part, part])
    offsets = np.arange(-1, 3)
    return offsets, cubic(part - offsets[:, None], -0.75)


def cubic(x: np.ndarray, a: float) -> np.ndarray:
    """The cubic kernel with the slope a at 1.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing", eq. 4
    """
    d = np.abs(x)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = a * (((d - 5) * d + 8) * d - 4)
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))


#: with antialias: how far a kernel reaches, and its values
KERNELS: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "linear": (1, lambda x: np.maximum(1 - np.abs(x), 0)),
    "cubic": (2, lambda x: cubic(x, -0.5)),
    "lanczos": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)),
}


def _averages(how: Resampling) -> Table:
    """Where the axis shrinks the kernel is widened, so that every element has its say."""
    reach, kernel = KERNELS[how.kind]
    wide = max(how.ratio, 1.0)
    centers = how.ratio * (np.arange(how.output) + 0.5)
    first = np.maximum((centers - reach * wide + 0.5).astype(np.int64), 0)
    stop = np.minimum((centers + reach * wide + 0.5).astype(np.int64), how.size)
    at = first + np.arange((stop - first).max())[:, None]
    weights = np.where(at < stop, kernel((at - centers + 0.5) / wide), 0.0)
    return np.minimum(at, how.size - 1), weights / weights.sum(0)
