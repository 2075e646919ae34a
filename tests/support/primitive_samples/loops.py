"""Samples of loops. Their bodies hold no constants, so they compute in every float type; a
trace checks the type of a body, so traced they are checked in its own only."""

import numpy as np

from chainrule.tensor.body import BodyTrace
from chainrule.tensor.trace import active
from primitive_samples.making import Sample, numbers

FLOAT64 = np.dtype(np.float64)


def body(step, *shapes):
    """The graph of a function of tensors of these shapes."""
    writing = BodyTrace()
    inputs = [writing.new_input(shape, FLOAT64) for shape in shapes]
    with active(writing):
        writing.finish(step(*inputs))
    return writing.graph


def recurrent(h, c, x, w):
    a = x + h @ w
    kept = c * a.sigmoid()
    return a.tanh(), kept, a, kept


def scaled_sum(s, x, w):
    return s + x * w, s


def loop(step, states, columns, fixed, length, reverse=False):
    shapes = [x.shape for x in (*states, *[x[0] for x in columns], *fixed)]
    return Sample(
        *states, *columns, *fixed, types=("float64",), body=body(step, *shapes),
        states=len(states), sequences=len(columns), length=length, reverse=reverse,
    )  # fmt: skip


H, C, W = numbers(2, 3), numbers(3, 2).T.copy(), numbers(3, 3) / 2
RECURRENT = [recurrent, (H, C), (numbers(4, 2, 3),), (W,), 4]

SAMPLES = {
    "Scan": [
        loop(*RECURRENT),
        loop(*RECURRENT, reverse=True),
        loop(scaled_sum, (numbers(),), (numbers(3),), (numbers(),), 3),
        loop(lambda s, w: (w * s, s), (numbers(2),), (), (numbers(),), 3),
        loop(lambda s, x: (x, x), (numbers(2),), (numbers(1, 2),), (), 1),
        loop(lambda s, x: (s + x, s), (numbers(0, 2),), (numbers(2, 0, 2),), (), 2),
    ],
}
