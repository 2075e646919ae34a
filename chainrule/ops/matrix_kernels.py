"""The arithmetic on stacks of matrices that NumPy does not have ready."""

from __future__ import annotations

import math

import numpy as np

#: coefficients of Padé's approximation of degree 13 to the exponential
PADE = [
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
    10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
]  # fmt: skip
#: up to this 1-norm it is exact to the last digit of float64
PADE_LIMIT = 5.371920351148152


def symmetric(x: np.ndarray) -> np.ndarray:
    """The symmetric part, x itself where x is symmetric."""
    return (x + np.swapaxes(x, -1, -2)) / 2


def eliminated(x: np.ndarray) -> np.ndarray:
    """Gaussian elimination as the rows stand: L below the diagonal (1 on it), U above."""
    work = x.reshape(-1, *x.shape[-2:]).copy()
    for k in range(min(x.shape[-2:])):
        _eliminate(work, k)
    return work.reshape(x.shape)


def pivot_rows(x: np.ndarray) -> np.ndarray:
    """Which row each step of Gaussian elimination exchanges with its own, counted from 0."""
    work = x.reshape(-1, *x.shape[-2:]).copy()
    each = np.arange(len(work))
    steps = min(x.shape[-2:])
    chosen = np.zeros((len(work), steps), np.int32)
    for k in range(steps):
        row = k + np.abs(work[:, k:, k]).argmax(1)
        work[each, k], work[each, row] = work[each, row], work[each, k]
        chosen[:, k] = row
        _eliminate(work, k)
    return chosen.reshape(*x.shape[:-2], steps)


def _eliminate(work: np.ndarray, k: int) -> None:
    """Take column k out of the rows below row k; a column of zeros is left alone."""
    pivot = work[:, k, k, None]
    work[:, k + 1 :, k] /= np.where(pivot == 0, 1, pivot)
    work[:, k + 1 :, k + 1 :] -= work[:, k + 1 :, k, None] * work[:, k, None, k + 1 :]


def row_order(pivots: np.ndarray, rows: int) -> np.ndarray:
    """The rows in the order that a list of exchanges leaves them in."""
    listed = pivots.reshape(-1, pivots.shape[-1])
    order = np.tile(np.arange(rows), (len(listed), 1))
    each = np.arange(len(listed))
    for k in range(listed.shape[1]):
        row = listed[:, k]
        order[each, k], order[each, row] = order[each, row], order[each, k]
    return order.reshape(*pivots.shape[:-1], rows)


def substituted(a: np.ndarray, b: np.ndarray, upper: bool, unit: bool) -> np.ndarray:
    """The solution of a y = b for a triangular a, row by row."""
    n = a.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y = np.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    for i in reversed(range(n)) if upper else range(n):
        known = slice(i + 1, n) if upper else slice(0, i)
        y[..., i, :] -= (a[..., i, None, known] @ y[..., known, :])[..., 0, :]
        if not unit:
            y[..., i, :] /= a[..., i, i, None]
    return y


def exponential(x: np.ndarray) -> np.ndarray:
    """e to the power of a matrix, by scaling and squaring.

    Source: Higham 2005, "The scaling and squaring method for the matrix exponential revisited"
    """
    largest = np.abs(x).sum(-2).max(initial=0)
    if not np.isfinite(largest):
        return np.full_like(x, np.nan)
    halvings = max(0, math.ceil(math.log2(largest / PADE_LIMIT))) if largest else 0
    y = _pade(x.astype(np.float64) / 2.0**halvings)
    for _ in range(halvings):
        y = y @ y
    return y.astype(x.dtype)


def _pade(x: np.ndarray) -> np.ndarray:
    """(p(x) - q(x))⁻¹ (p(x) + q(x)), with the odd powers in q and the even ones in p."""
    square = x @ x
    power = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    even, odd = PADE[0] * power, PADE[1] * power
    for degree in range(2, len(PADE), 2):
        power = power @ square
        even = even + PADE[degree] * power
        odd = odd + PADE[degree + 1] * power
    odd = x @ odd
    return np.linalg.solve(even - odd, even + odd)


def cofactors(x: np.ndarray) -> np.ndarray:
    """The derivative of the determinant, for singular matrices too.

    With x = U S Vᵀ it is  det(U) det(V) U S' Vᵀ,  S' the products of the other singular values.
    """
    u, s, vh = np.linalg.svd(x)
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return (sign[..., None, None] * u * (before * after)[..., None, :]) @ vh


def each_matrix(x: np.ndarray, function: object, otherwise: np.ndarray) -> np.ndarray:
    """`function` of every matrix; where it raises, what `otherwise` holds."""
    y = otherwise.copy()
    for place in np.ndindex(x.shape[:-2]):
        try:
            y[place] = function(x[place])  # type: ignore[operator]
        except np.linalg.LinAlgError:
            continue
    return y
