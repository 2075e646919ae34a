"""How much a primitive computes, from its inputs and its output alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.ops.contraction import MatMul
from chainrule.ops.cumulative import Logcumsumexp
from chainrule.ops.factorization import Cholesky, Elimination, Orthonormal
from chainrule.ops.indexing import IndexAdd, ScatterAdd
from chainrule.ops.normalization import Moments, Standardize
from chainrule.ops.primitive import Params, Primitive
from chainrule.ops.solving import Determinant, Inverse, Solve, SolveTriangular
from chainrule.ops.window import (
    Convolution,
    ConvolutionInput,
    ConvolutionWeight,
    WindowArgmax,
    WindowSum,
    WindowSumTranspose,
)

#: families that arrange, make or choose numbers and compute none
FREE = {
    f"chainrule.ops.{name}"
    for name in ("checking", "conversion", "creation", "indexing", "movement", "nonzero",
                 "random", "search", "slicing", "sorting", "striding", "variates")
}  # fmt: skip


class Work(NamedTuple):
    """Floating-point operations, and how many of them come in pairs as multiply-adds."""

    flops: int
    multiply_adds: int = 0


def _products(terms: int) -> Work:
    return Work(2 * terms, terms)


def _matmul(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
    return _products(y.size * xs[0].shape[-1])


def _convolution(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
    return _products(y.size * math.prod(xs[1].shape[1:]))


def _transposed(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
    return _products(xs[0].size * math.prod(xs[1].shape[1:]))


def _convolution_weight(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
    return _products(xs[1].size * math.prod(y.shape[1:]))


def _windows(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
    return Work(min(xs[0].size, y.size) * math.prod(params["kernel"]))


def _added(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
    return Work(xs[-1].size)


def _each(count: int) -> Callable[..., Work]:
    """So many operations on each element of the input."""
    return lambda xs, params, y: Work(count * xs[0].size)


def _cubic(share: float) -> Callable[..., Work]:
    """A share of n³, for matrices of n rows; of n² m for a solution with m columns."""

    def work(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
        rows, columns = xs[0].shape[-2:]
        return Work(round(share * xs[0].size * min(rows, columns)))

    return work


def _solution(share: float) -> Callable[..., Work]:
    def work(xs: Sequence[np.ndarray], params: Params, y: np.ndarray) -> Work:
        n = xs[0].shape[-1]
        return Work(round(share * xs[0].size * n) + 2 * y.size * n)

    return work


RULES: dict[type[Primitive], Callable[..., Work]] = {
    MatMul: _matmul,
    Convolution: _convolution,
    ConvolutionInput: _transposed,
    ConvolutionWeight: _convolution_weight,
    WindowSum: _windows,
    WindowArgmax: _windows,
    WindowSumTranspose: _windows,
    IndexAdd: _added,
    ScatterAdd: _added,
    Standardize: _each(7),
    Moments: _each(4),
    Logcumsumexp: _each(3),
    Cholesky: _cubic(1 / 3),
    Elimination: _cubic(2 / 3),
    Orthonormal: _cubic(4 / 3),
    Determinant: _cubic(2 / 3),
    Inverse: _cubic(2),
    Solve: _solution(2 / 3),
    SolveTriangular: _solution(0),
}


def work_of(
    primitive: type[Primitive], inputs: Sequence[np.ndarray], params: Any, y: np.ndarray
) -> Work:
    """The arithmetic on floating-point numbers of one primitive.

    Products count each term twice, for its multiplication and its addition; everything else
    counts one operation for each element that it reads or makes, whichever are more, also an
    exponential. Arranging, choosing and making random numbers is free.

    Source: Golub & Van Loan 2013, "Matrix Computations", for factorizations

    Example:
        >>> a, b = np.zeros((2, 3)), np.zeros((3, 4))
        >>> work_of(MatMul, (a, b), {}, a @ b)
        Work(flops=48, multiply_adds=24)
    """
    if (rule := RULES.get(primitive)) is not None:
        return rule(inputs, params, y)
    if primitive.is_view or primitive.__module__ in FREE or y.dtype.kind not in "fV":
        return Work(0)
    return Work(max([x.size for x in inputs if x.dtype.kind in "fV"] + [y.size]))
