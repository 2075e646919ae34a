"""Samples of the random primitives with parameters, and of their implicit derivatives.

The parameters are float32, which no test turns into another type: a rejected number makes
finite differences jump, and a slope has no derivative. tests/distributions compares both.
"""

import numpy as np

from primitive_samples.making import Sample, at, numbers, positive

STATE = (at(3)[0], at(1)[0])
SHAPES = [(2, 3), (), (0, 2), (3, 1, 2)]


def single(make, *shape, **bounds):
    return make(*shape, **bounds).astype(np.float32)


def fixed(*inputs):
    return Sample(*inputs, types=("int64",))


SAMPLES = {
    "RandomGamma": [fixed(single(positive, *shape), *STATE) for shape in SHAPES],
    "RandomDirichlet": [fixed(single(positive, *shape), *STATE) for shape in [(2, 3), (0, 2)]],
    "RandomPoisson": [
        fixed(single(numbers, *shape, low=0.0, high=30.0), *STATE) for shape in SHAPES
    ],
    "RandomBinomial": [
        fixed(np.float32(40.0), single(numbers, *shape, low=0.01, high=0.99), *STATE)
        for shape in SHAPES
    ],
    "GammaSlope": [fixed(single(positive, 2, 3), single(positive, 3))],
    "DirichletSlope": [
        fixed(
            single(numbers, 2, 3, low=0.1, high=0.9), single(positive, 3), single(positive, 1)
        )
    ],
}
