"""The methods of tensors against NumPy: values, shapes and gradients of what is composed.

Primitives have their law in tests/test_primitives.py; here are the methods made of several.
"""

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import gradcheck

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((3, 4)), RANDOM.standard_normal((3, 4))
P = RANDOM.uniform(0.2, 0.9, (3, 4))
K = RANDOM.integers(0, 3, (3, 4))


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


SMOOTH = {
    "rsqrt": (lambda p: p.rsqrt(), lambda p: p**-0.5, P),
    "reciprocal": (lambda p: p.reciprocal(), lambda p: 1 / p, P),
    "square": (lambda x: x.square(), np.square, X),
    "cube": (lambda x: x**3, lambda x: x**3, X),
    "logit": (lambda p: p.logit(), lambda p: np.log(p / (1 - p)), P),
    "deg2rad": (lambda x: cr.deg2rad(x), np.deg2rad, X),
    "frac": (lambda x: x.frac(), lambda x: x - np.trunc(x), X),
    "clamp": (lambda x: x.clamp(-0.5, 0.7), lambda x: np.clip(x, -0.5, 0.7), X),
    "logaddexp": (lambda x: cr.logaddexp(x, 2 * x), lambda x: np.logaddexp(x, 2 * x), X),
    "lerp": (lambda x: x.lerp(x * x, 0.3), lambda x: x + 0.3 * (x * x - x), X),
    "mean": (lambda x: x.mean(1), lambda x: x.mean(1), X),
    "var": (lambda x: x.var(0), lambda x: x.var(0, ddof=1), X),
    "std": (lambda x: x.std(1, unbiased=False), lambda x: x.std(1), X),
    "norm": (lambda x: x.norm(dim=1), lambda x: np.linalg.norm(x, axis=1), X),
    "norm 3": (lambda x: x.norm(3, 0), lambda x: np.linalg.norm(x, 3, axis=0), X),
    "norm inf": (lambda x: x.norm(np.inf), lambda x: np.abs(x).max(), X),
    "prod": (lambda x: x.prod(1), lambda x: x.prod(1), X),
    "cumprod": (lambda x: x.cumprod(1), lambda x: np.cumprod(x, 1), X),
    "softmax": (lambda x: x.softmax(1), lambda x: softmax(x, 1), X),
    "log_softmax": (lambda x: x.log_softmax(0), lambda x: np.log(softmax(x, 0)), X),
    "logsumexp": (lambda x: x.logsumexp(1), lambda x: np.log(np.exp(x).sum(1)), X),
    "max": (lambda x: x.max(1).values, lambda x: x.max(1), X),
    "sort": (lambda x: x.sort(0).values, lambda x: np.sort(x, 0), X),
    "topk": (lambda x: x.topk(2).values, lambda x: np.sort(x, 1)[:, :1:-1], X),
    "tril": (lambda x: x.tril(1), lambda x: np.tril(x, 1), X),
    "triu": (lambda x: x.triu(-1), lambda x: np.triu(x, -1), X),
    "diagonal": (lambda x: x.diagonal(1), lambda x: x.diagonal(1), X),
    "diag": (lambda x: x[0].diag(-1), lambda x: np.diag(x[0], -1), X),
    "trace": (lambda x: x.trace(), np.trace, X),
    "roll": (lambda x: x.roll((1, -2), (0, 1)), lambda x: np.roll(x, (1, -2), (0, 1)), X),
    "repeat": (lambda x: x.repeat(2, 1, 3), lambda x: np.tile(x, (2, 1, 3)), X),
    "interleave": (lambda x: x.repeat_interleave(2, 0), lambda x: np.repeat(x, 2, 0), X),
    "stack": (lambda x: cr.stack([x, x * 2], 1), lambda x: np.stack([x, x * 2], 1), X),
    "tensordot": (lambda x: cr.tensordot(x, x, ([0], [0])), lambda x: x.T @ x, X),
    "outer": (lambda x: x[0].outer(x[1]), lambda x: np.outer(x[0], x[1]), X),
    "take_along": (
        lambda x: cr.take_along_dim(x, cr.from_numpy(K), 0),
        lambda x: np.take_along_axis(x, K, 0),
        X,
    ),
    "masked": (lambda x: x[x > 0], lambda x: x[x > 0], X),
    "masked_fill": (lambda x: x.masked_fill(x > 0, 3), lambda x: np.where(x > 0, 3, x), X),
}

EXACT = {
    "argsort": (lambda x: x.argsort(1, descending=True), lambda x: np.argsort(-x, 1)),
    "argmax": (lambda x: x.argmax(0), lambda x: x.argmax(0)),
    "argmin of all": (lambda x: x.argmin(), lambda x: x.argmin()),
    "count": (lambda x: (x > 0).count_nonzero(1), lambda x: (x > 0).sum(1)),
    "nonzero": (lambda x: (x > 0).nonzero(), lambda x: np.argwhere(x > 0)),
    "all": (lambda x: (x > -9).all(), lambda x: True),
    "isclose": (lambda x: x.isclose(x + 1e-9), lambda x: np.isclose(x, x + 1e-9)),
    "chunks": (lambda x: x.chunk(3, 1)[1], lambda x: x[:, 2:]),
    "flip": (lambda x: x.flip(0, 1), lambda x: x[::-1, ::-1]),
    "meshgrid": (lambda x: cr.meshgrid(x[0], x[1])[1], lambda x: np.meshgrid(x[0], x[1])[1].T),
    "index": (lambda x: x[[0, 2], 1:3], lambda x: x[[0, 2], 1:3]),
    "index far apart": (lambda x: x[None, [0, 1], :, None], lambda x: x[None, [0, 1], :, None]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_derivatives(name):
    ours, theirs, x = SMOOTH[name]
    np.testing.assert_allclose(ours(cr.from_numpy(x)).numpy(), theirs(x), rtol=1e-12)
    assert gradcheck(ours, [cr.from_numpy(x).requires_grad_()])


@pytest.mark.parametrize("name", EXACT)
def test_values(name):
    ours, theirs = EXACT[name]
    np.testing.assert_array_equal(ours(cr.from_numpy(X)).numpy(), theirs(X))


def test_counting_and_sets():
    k = cr.tensor([3, 1, 1, 0, 3, 3])
    values, places, counts = k.unique(return_inverse=True, return_counts=True)
    assert values.tolist() == [0, 1, 3]
    assert cr.equal(values[places], k)
    assert counts.tolist() == [1, 2, 3]
    assert k.bincount(minlength=6).tolist() == [1, 2, 0, 3, 0, 0]
    assert k.bincount(cr.full((6,), 0.5)).tolist() == [0.5, 1.0, 0.0, 1.5]
    assert cr.isin(k, cr.tensor([1, 7])).tolist() == [False, True, True, False, False, False]


@pytest.mark.parametrize("descending", [False, True])
def test_sorting_is_stable_and_puts_nan_last(descending):
    x = cr.tensor([2.0, 1.0, np.nan, 2.0, 1.0])
    order = x.argsort(descending=descending).tolist()
    assert order == ([2, 0, 3, 1, 4] if descending else [1, 4, 0, 3, 2])


def test_derivatives_at_kinks_are_finite():
    zero = cr.zeros(3, requires_grad=True)
    (
        zero.norm() + zero.std() + zero.abs().sum() + zero.relu().sum() + (zero**2).sum()
    ).backward()
    assert zero.grad.tolist() == [0.0, 0.0, 0.0]
    tie = cr.ones(2, requires_grad=True)
    tie.amax().backward()
    assert tie.grad.tolist() == [0.5, 0.5]


def test_numpy_names_of_axes():
    x = cr.ones(2, 3)
    assert x.sum(axis=1, keepdims=True).shape == (2, 1)
    assert cr.softmax(x, axis=0).shape == (2, 3)
    assert cr.cat([x, x], axis=1).shape == (2, 6)
    assert x.argmax(axis=1).tolist() == [0, 0]
