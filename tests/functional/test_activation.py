"""Activations by closed forms, at kinks, for extreme numbers, in place."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import ArgumentError, DtypeError, GradientError, ShapeError

CLOSED_FORMS = {
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "celu": lambda x: x if x > 0 else math.expm1(x),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "logsigmoid": lambda x: -math.log1p(math.exp(-x)),
    "tanh": math.tanh,
    "tanhshrink": lambda x: x - math.tanh(x),
    "hardtanh": lambda x: min(max(x, -1), 1),
    "relu6": lambda x: min(max(x, 0), 6),
    "hardsigmoid": lambda x: min(max(x + 3, 0), 6) / 6,
    "hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "hardshrink": lambda x: 0 if abs(x) <= 0.5 else x,
    "softshrink": lambda x: math.copysign(max(abs(x) - 0.5, 0), x),
}
POINTS = [-7.3, -2.9, -1.2, -0.7, -0.3, 0.2, 0.4, 0.8, 1.7, 3.4, 6.1, 9.0]


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_form(name):
    x = cr.tensor(POINTS, dtype=cr.float64)
    y = getattr(F, name)(x)
    np.testing.assert_allclose(y.numpy(), [CLOSED_FORMS[name](p) for p in POINTS], rtol=1e-12)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_derivatives(name):
    x = cr.tensor(POINTS, dtype=cr.float64, requires_grad=True)
    assert gradcheck(getattr(F, name), x)
    assert gradgradcheck(getattr(F, name), x)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize("dtype", [cr.float16, cr.bfloat16, cr.float32])
def test_types_and_shapes_are_kept(name, dtype):
    for shape in ((), (0,), (1, 1), (3, 2)):
        y = getattr(F, name)(cr.ones(*shape, dtype=dtype))
        assert y.shape == shape and y.dtype is dtype


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_extreme_numbers_have_finite_derivatives(name):
    x = cr.tensor([-1e4, 1e4], dtype=cr.float64, requires_grad=True)
    y = getattr(F, name)(x)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "at_zero"),
    [("relu", 0), ("leaky_relu", 0.01), ("elu", 1), ("celu", 1), ("selu", 1.7580993408473766),
     ("hardtanh", 1), ("relu6", 0), ("hardsigmoid", 1 / 6), ("hardswish", 0.5), ("softsign", 1),
     ("logsigmoid", 0.5), ("softplus", 0.5), ("silu", 0.5), ("gelu", 0.5)],
)  # fmt: skip
def test_the_derivative_at_zero(name, at_zero):
    x = cr.tensor(0.0, dtype=cr.float64, requires_grad=True)
    getattr(F, name)(x).backward()
    assert x.grad.item() == pytest.approx(at_zero, rel=1e-12)


def test_ln_of_one_plus_exp_has_a_second_derivative_at_zero():
    x = cr.tensor([0.0, 1.0], dtype=cr.float64, requires_grad=True)
    (g,) = cr.autograd.grad(F.logsigmoid(x).sum(), x, create_graph=True)
    (h,) = cr.autograd.grad(g.sum(), x)
    assert h.tolist() == pytest.approx([-0.25, -0.19661193324148185])


def test_logsigmoid_is_exact_far_out():
    x = cr.tensor([-800.0, -40.0, 40.0, 800.0], dtype=cr.float64)
    expected = [-800.0, -40.0, -math.exp(-40), -math.exp(-800)]
    np.testing.assert_allclose(F.logsigmoid(x).numpy(), expected, rtol=1e-14)


def test_arguments():
    x = cr.tensor([-2.0, -0.2, 0.5, 3.0])
    assert F.leaky_relu(x, 0.5).tolist() == [-1.0, pytest.approx(-0.1), 0.5, 3.0]
    assert F.threshold(x, 0.3, 9.0).tolist() == [9.0, 9.0, 0.5, 3.0]
    assert F.hardtanh(x, -1.0, 1.0).tolist() == [-1.0, pytest.approx(-0.2), 0.5, 1.0]
    assert F.softplus(x, beta=2, threshold=4)[3].item() == 3.0
    assert F.gelu(x, "tanh").isclose(F.gelu(x), atol=1e-3).all()
    with pytest.raises(ArgumentError, match=r"CR902: gelu: .*'tahn'; choose from none, tanh"):
        F.gelu(x, "tahn")


def test_prelu_has_one_slope_or_one_for_each_channel():
    x = cr.full((2, 3, 2), -1.0)
    assert F.prelu(x, cr.tensor([0.5])).equal(x / 2)
    slopes = cr.tensor([0.1, 0.2, 0.3])
    assert F.prelu(x, slopes)[1, :, 0].tolist() == [-slopes[i].item() for i in range(3)]
    with pytest.raises(ShapeError, match=r"CR523: prelu: the weight has 2 slopes .*1, or 3"):
        F.prelu(x, cr.ones(2))


def test_glu_halves_an_axis():
    x = cr.tensor([[1.0, 2.0, 0.0, 0.0]])
    assert F.glu(x).tolist() == [[0.5, 1.0]]
    with pytest.raises(ShapeError, match=r"CR522.*axis -1.*\(1, 3\).*odd"):
        F.glu(cr.ones(1, 3))


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardtanh",
             "hardsigmoid", "hardswish"],
)  # fmt: skip
def test_in_place(name):
    function = getattr(F, name)
    x = cr.tensor([-1.0, 2.0], requires_grad=True)
    h = x * 2
    y = function(h, inplace=True)
    assert y is h and h.equal(function(x * 2))
    h.sum().backward()
    (expected,) = cr.autograd.grad(function(x * 2).sum(), x)
    assert x.grad.equal(expected)
    with pytest.raises(GradientError, match=r"CR303.*inplace=True"):
        function(x, inplace=True)


def test_softmax():
    x = cr.tensor([[1.0, 2.0, 3.0]], dtype=cr.float64)
    e = np.exp([1.0, 2.0, 3.0])
    np.testing.assert_allclose(F.softmax(x, 1).numpy()[0], e / e.sum(), rtol=1e-15)
    np.testing.assert_allclose(F.softmin(-x, 1).numpy()[0], e / e.sum(), rtol=1e-15)
    np.testing.assert_allclose(F.log_softmax(x, -1).numpy()[0], np.log(e / e.sum()), rtol=1e-14)
    with pytest.raises(DtypeError, match="CR203"):
        F.softmax(cr.tensor([1, 1]), 0)
    assert F.softmax(x.half(), 1, dtype=cr.float32).dtype is cr.float32


def test_softmax_of_large_and_infinite_logits():
    x = cr.tensor([[1e30, 0.0], [-math.inf, 0.0], [1e4, 1e4]])
    assert F.softmax(x, 1).tolist() == [[1, 0], [0, 1], [0.5, 0.5]]
    assert F.log_softmax(x, 1)[1].tolist() == [-math.inf, 0]
    assert F.softmax(cr.full((1, 2), -math.inf), 1).isnan().all()


def test_softmax_of_nothing():
    assert F.softmax(cr.ones(0, 3), 1).shape == (0, 3)
    assert F.log_softmax(cr.ones(3, 0), 1).shape == (3, 0)


@pytest.mark.parametrize(("shape", "dim"), [((3,), 0), ((2, 3), 1), ((2, 3, 4), 0)])
def test_softmax_without_dim_warns_and_guesses(shape, dim):
    x = cr.arange(cr.Size(shape).numel()).float().reshape(shape)
    with pytest.warns(UserWarning, match=rf"softmax without dim: dim={dim} is taken"):
        y = F.softmax(x)
    assert y.equal(F.softmax(x, dim))
    with pytest.warns(UserWarning, match=r"log_softmax without dim"):
        assert F.log_softmax(x).equal(F.log_softmax(x, dim))
