"""Samples of the primitives of linear algebra and of scattering."""

import numpy as np

from primitive_samples.making import ARITHMETIC, Sample, at, numbers, positive

WIDE = ("float64", "float32")


def square(*shape, shift=3.0):
    """Matrices far from singular, with eigenvalues that differ."""
    n = shape[-1]
    return numbers(*shape, n) + np.diag(shift * (1 + np.arange(n)))


def definite(*shape):
    """Symmetric matrices with positive eigenvalues that differ."""
    x = square(*shape)
    return x @ np.swapaxes(x, -1, -2) / 4


def indices(*shape, high):
    return (np.arange(int(np.prod(shape))) * 5 % 7 % high).reshape(shape)


def matrices(*inputs, **params):
    return [Sample(x, types=WIDE, **params) for x in inputs]


def systems(**params):
    return [
        Sample(square(2), numbers(2, 3), types=WIDE, **params),
        Sample(square(2, 3), numbers(3, 1), types=WIDE, **params),
        Sample(square(1), numbers(2, 1, 1), types=WIDE, **params),
        Sample(np.zeros((0, 0)), np.zeros((0, 2)), types=WIDE, **params),
    ]


def scattering(types=ARITHMETIC):
    return [
        Sample(numbers(3, 2), at([0, 2], [0, 1]), positive(2, 2) + 0.3, axis=0, types=types),
        Sample(numbers(2, 3), at([2, 2]), positive(2, 3), axis=1),
        Sample(numbers(4), at(1, 1, 1, 3), numbers(5, low=0.5, high=3), axis=0),
        Sample(numbers(2), np.zeros(0, np.int64), positive(0), axis=0),
    ]


SQUARES = (square(3), square(2, 2), square(1), np.zeros((0, 2, 2)))
SYMMETRIC = (definite(3), square(2, 2), np.array([[1.5]]), np.zeros((0, 2, 2)))
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])

SAMPLES = {
    "Inverse": matrices(*SQUARES, checked=True) + matrices(square(2), checked=False),
    "Solve": systems(checked=True) + systems(checked=False)[:1],
    "SolveTriangular": systems(upper=True, unit=False)
    + systems(upper=False, unit=False)
    + systems(upper=True, unit=True)
    + systems(upper=False, unit=True),
    "Determinant": matrices(*SQUARES),
    "Cofactors": matrices(*SQUARES),
    "SignLogDet": matrices(*SQUARES, -square(3)),
    "PseudoInverse": matrices(
        square(2), numbers(3, 2), numbers(2, 3), numbers(2, 1, 2), rtol=1e-6, atol=0.0
    ),
    "SingularAt": matrices(*SQUARES, SINGULAR, np.zeros((3, 3)), np.eye(2)[None] * SINGULAR),
    "Cholesky": matrices(definite(3), definite(2, 2), np.array([[1.5]]), checked=True)
    + matrices(definite(2), checked=False),
    "IndefiniteAt": matrices(definite(3), -definite(2, 2), np.diag([1.0, 2.0, -1.0])),
    "Eigh": matrices(*SYMMETRIC),
    "Eigvalsh": matrices(*SYMMETRIC),
    "SingularValues": matrices(*SQUARES, square(3)[:, :2], square(2, 3)[..., :2, :]),
    "Eig": matrices(definite(3), definite(2, 2), np.array([[1.5]]), np.zeros((0, 2, 2))),
    "SVD": matrices(*SQUARES, square(3)[:, :2], square(3)[:2], square(2, 3)[:, :1]),
    "Orthonormal": matrices(*SQUARES, square(3)[:, :2], square(2, 3)[..., :1]),
    "Completed": matrices(square(3)[:, :2], square(2, 3)[..., :1], square(2)),
    "Reflections": matrices(square(3), square(3)[:, :2], square(2, 3)[..., :2, :]),
    "FirstNonzero": [
        Sample(np.array(x), size=size, fill=-1)
        for x, size in [([[0.0, 2.0], [3.0, 0.0]], 1), ([1.0, 0.0], 3), (5.0, 1), ([], 2)]
    ],
    "Elimination": matrices(*SQUARES, checked=False) + matrices(square(2), checked=True),
    "Pivots": matrices(*SQUARES, square(3)[:, :2], square(3)[:2]),
    "RowOrder": [
        Sample(np.array(pivots, np.int32), rows=rows)
        for pivots, rows in [([3, 3, 3], 3), ([[2, 2], [1, 2]], 2), ([2], 4)]
    ],
    "MatrixExp": matrices(
        numbers(3, 3), numbers(2, 2, 2), -square(2), np.zeros((2, 2)), np.zeros((0, 0))
    ),
    "ScatterMultiply": scattering(),
    "ScatterAmax": scattering(),
    "ScatterAmin": scattering(),
}
