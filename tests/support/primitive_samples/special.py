"""Samples of the special functions, of running extremes, searches and quantiles."""

import numpy as np

from primitive_samples.making import (
    ANY,
    ARITHMETIC,
    BITS,
    FLOATS,
    INTEGERS,
    Sample,
    along,
    at,
    binary,
    natural,
    numbers,
    positive,
    small,
    unary,
    whole,
)


def above_one(*shape):
    return numbers(*shape, low=1.2, high=4.0)


def probability(*shape):
    return numbers(*shape, low=0.05, high=0.95)


def whole_shape(*shape):
    """Whole numbers that stay whole, so that no gradient is asked for."""
    return whole(*shape, low=2, high=4).astype(np.int64)


SMOOTH = (
    "Arcsinh", "Sinc", "Erfc", "Erfcx", "LogNdtr", "BesselI0", "BesselI1", "BesselI0e",
    "BesselI1e", "Mantissa",
)  # fmt: skip

SAMPLES = {
    **dict.fromkeys(SMOOTH, unary()),
    **dict.fromkeys(["Lgamma", "Digamma", "Entropy"], unary(positive)),
    **dict.fromkeys(["Arctanh", "Erfinv"], unary(small)),
    "Arccosh": unary(above_one),
    "Ndtri": unary(probability),
    "Levels": unary(probability),
    "Exponent": unary(),
    "SignBit": unary(types=ANY),
    "Hypot": binary(),
    "CopySign": binary(positive, numbers),
    "NextAfter": binary(positive, numbers, types=("float32", "float64", "float16")),
    "Heaviside": binary() + binary(whole, whole, BITS),
    "GreatestDivisor": binary(whole, whole, INTEGERS),
    "LeastMultiple": binary(natural, whole, INTEGERS),
    "XLogY": binary(numbers, positive),
    "XLog1pY": binary(numbers, positive),
    "Fmax": binary(types=ANY),
    "Fmin": binary(types=ANY),
    **dict.fromkeys(["Igamma", "Igammac", "Zeta"], binary(positive, whole_shape)),
    "Logcumsumexp": along(),
    "LaterMax": along(types=ARITHMETIC),
    "LaterMin": along(types=ARITHMETIC),
    "TopPositions": along(types=ARITHMETIC, k=1, largest=True)
    + [Sample(numbers(2, 5), k=k, axis=1, largest=k % 2 == 0) for k in (0, 2, 3, 5)],
    "SearchSorted": [
        Sample(
            np.array([-1.0, 0.5, 0.5, 3.0]), np.array([[0.5, 9.0], [-2.0, 0.0]]), right=right
        )
        for right in (False, True)
    ]
    + [
        Sample(np.sort(numbers(2, 3), -1), numbers(2, 4), right=True, types=FLOATS),
        Sample(np.sort(numbers(2, 2, 3), -1), numbers(2, 2, 0), right=False),
        Sample(at(), at(1, 2), right=False),
    ],
}
