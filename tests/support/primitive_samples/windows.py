"""Samples of what windows and resampling are made of."""

from chainrule.ops.resampling_kernels import Resampling
from primitive_samples.making import ANY, Sample, numbers, windows

ONE = [numbers]
PLAIN = {"kernel": (2, 2), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
STRIDED = {"kernel": (2, 3), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
LINE = {"kernel": (3,), "stride": (2,), "padding": (1,), "dilation": (1,)}

LARGER = Resampling("linear", 3, 5, 3 / 5)
CORNERS = Resampling("cubic", 4, 3, 3 / 2, align_corners=True)
SMALLER = Resampling("linear", 5, 2, 5 / 2, antialias=True)
NEAREST = Resampling("nearest", 4, 2, 4 / 2)

SAMPLES = {
    "Unfold": windows(ONE, ((2, 1, 3, 4),), ((0, 2, 3, 3),), **PLAIN)
    + windows(ONE, ((1, 2, 4, 3),), **STRIDED)
    + windows(ONE, ((1, 2, 5),), **LINE),
    "Fold": windows(ONE, ((2, 4, 6),), ((0, 8, 6),), spatial=(3, 4), **PLAIN)
    + windows(ONE, ((1, 12, 9),), spatial=(4, 3), **STRIDED)
    + windows(ONE, ((1, 6, 3),), spatial=(5,), **LINE),
    "Resample": [
        Sample(numbers(2, 3), how=LARGER, axis=1),
        Sample(numbers(3, 2), how=LARGER, axis=0),
        Sample(numbers(0, 3, 2), how=LARGER, axis=1),
        Sample(numbers(1, 4), how=CORNERS, axis=1),
        Sample(numbers(5), how=SMALLER, axis=0),
        Sample(numbers(2, 4), how=NEAREST, axis=1, types=ANY),
    ],
    "ResampleTranspose": [
        Sample(numbers(2, 5), how=LARGER, axis=1),
        Sample(numbers(5, 2), how=LARGER, axis=0),
        Sample(numbers(0, 5), how=LARGER, axis=1),
        Sample(numbers(1, 3), how=CORNERS, axis=1),
        Sample(numbers(2), how=SMALLER, axis=0),
        Sample(numbers(2, 2), how=NEAREST, axis=1),
    ],
}
