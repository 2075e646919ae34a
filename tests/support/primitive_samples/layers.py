"""Samples of the primitives of layers."""

from primitive_samples.making import Sample, numbers

SHAPES = [
    ((2, 3), (1,)),
    ((3, 2), (0,)),
    ((2, 2, 3), (0, 2)),
    ((2, 2, 2), (1, 2)),
    ((0, 2), (1,)),
]

SAMPLES = {
    "Moments": [Sample(numbers(*shape), axes=axes) for shape, axes in SHAPES],
    "Standardize": [
        Sample(numbers(*shape), axes=axes, eps=eps)
        for shape, axes in SHAPES
        for eps in (0.1, 1.0)
    ],
    "StandardizeCotangent": [
        Sample(numbers(*shape)[::-1].copy(), numbers(*shape), axes=axes, eps=0.1)
        for shape, axes in SHAPES
    ],
}
