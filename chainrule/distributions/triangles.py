"""Vectors that hold the lower triangle of a matrix, row by row."""

from __future__ import annotations

import math

from chainrule.errors import ArgumentError
from chainrule.tensor.index_creation import tril_indices
from chainrule.tensor.tensor import Tensor


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The lower-triangular matrices (…, n, n) with the elements of `vec` (…, d) in them.

    Args: diag: the uppermost diagonal that has elements, 0 or negative.

    Example:
        >>> import chainrule as cr
        >>> vec_to_tril_matrix(cr.tensor([1., 2., 3.]))
        tensor([[1., 0.],
                [2., 3.]])
    """
    count = vec.shape[-1]
    n = (math.isqrt(8 * count + 1) - 1) // 2 - diag
    rows, columns = tril_indices(n, n, diag).unbind(0)
    if rows.shape[0] != count:
        raise ArgumentError(
            "CR957", f"{count} elements do not fill the lower triangle of a matrix"
        )
    flat = vec.new_zeros((*vec.shape[:-1], n * n))
    return flat.index_copy(-1, rows * n + columns, vec).unflatten(-1, (n, n))


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements of the lower triangles of matrices, row by row: (…, n, n) → (…, d)."""
    n = mat.shape[-1]
    rows, columns = tril_indices(n, n, diag).unbind(0)
    return mat.flatten(-2).index_select(-1, rows * n + columns)
