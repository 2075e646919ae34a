"""Normalizations in terms of sums: groups of the channels of an image, and other axes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.nn import functional as F

CLOSE = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-10}
CASES = [
    (1, (2, 6, 5)), (2, (2, 6, 5)), (6, (2, 6, 5)), (4, (3, 20, 3, 5)), (2, (1, 40, 2, 2, 3)),
    (3, (4, 9)), (5, (2, 10, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("groups", "shape"), CASES)
@pytest.mark.parametrize("dtype", CLOSE)
def test_groups_of_channels_and_their_gradients(groups, shape, dtype):
    def run(x, w, b):
        y = F.group_norm(x, groups, w, b)
        return (y, *cr.autograd.grad((y * cr.cos(y)).sum(), (x, w, b)))

    kind, c = getattr(cr, dtype), shape[1]
    given = [cr.randn(*s, dtype=kind).requires_grad_() for s in (shape, (c,), (c,))]
    native = cr.compile(run, engine="native")(*given)
    for ours, eager in zip(native, run(*given), strict=True):
        close = CLOSE[dtype] * max(1.0, float(eager.abs().max()))
        np.testing.assert_allclose(ours.detach().numpy(), eager.detach().numpy(), atol=close)


def test_an_image_far_from_zero_keeps_its_variance():
    x = cr.randn(2, 8, 6, 6) + 3000.0
    y = cr.compile(lambda x: F.group_norm(x, 2), engine="native")(x)
    assert y.reshape(2, 2, -1).std(2).numpy() == pytest.approx(1.0, abs=5e-3)
