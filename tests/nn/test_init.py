"""Where parameters start: bounds and moments of the distributions, exact patterns."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, ChainruleError, ShapeError


@pytest.fixture(autouse=True)
def seed():
    cr.manual_seed(0)


def weight(*shape):
    return nn.Parameter(cr.full(shape, math.nan))


def deviation(w):
    return w.detach().double().std().item()


def test_all_fill_in_place_and_return_the_tensor():
    w = weight(4, 3)
    for fill in (
        nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_, nn.init.ones_,
        nn.init.zeros_, nn.init.eye_, nn.init.xavier_uniform_, nn.init.xavier_normal_,
        nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.orthogonal_,
    ):  # fmt: skip
        assert fill(w) is w and w.isfinite().all() and w.requires_grad and w.is_leaf
        w.data.fill_(math.nan)
    assert nn.init.constant_(w, 3.0) is w and w.tolist() == [[3.0] * 3] * 4
    assert nn.init.sparse_(w, 0.5) is w and w.isfinite().all()


@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (lambda w: nn.init.uniform_(w, -3.0, 3.0), 3),
        (lambda w: nn.init.xavier_uniform_(w, gain=2.0), 2 * math.sqrt(6 / (80 + 200))),
        (lambda w: nn.init.kaiming_uniform_(w), math.sqrt(2) * math.sqrt(3 / 200)),
        (lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)), 1 / math.sqrt(200)),
        (lambda w: nn.init.kaiming_uniform_(w, mode="fan_out", nonlinearity="tanh"),
         5 / 3 * math.sqrt(3 / 80)),
    ],
)  # fmt: skip
def test_uniform_bounds(fill, bound):
    w = fill(weight(80, 200)).detach()
    assert 0.99 * bound < w.abs().max().item() <= bound
    assert abs(w.mean().item()) < 0.02 * bound
    assert deviation(w) == pytest.approx(bound / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (lambda w: nn.init.normal_(w, 0.0, 3.0), 3),
        (lambda w: nn.init.xavier_normal_(w, gain=2.0), 2 * math.sqrt(2 / (20 * 36 + 40 * 36))),
        (lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"), math.sqrt(2 / (20 * 36))),
        (lambda w: nn.init.kaiming_normal_(w, mode="fan_out"), math.sqrt(2 / (40 * 36))),
    ],
)
def test_normal_deviations(fill, expected):
    w = fill(weight(40, 20, 6, 6))
    assert deviation(w) == pytest.approx(expected, rel=0.02)
    assert abs(w.mean().item()) < 0.02 * expected


def test_truncated_normal():
    w = nn.init.trunc_normal_(weight(300, 300), std=1.0)
    assert w.abs().max().item() <= 2 and w.abs().max().item() > 1.99
    assert deviation(w) == pytest.approx(0.8796, rel=0.01)  # of a normal cut at ±2
    w = nn.init.trunc_normal_(weight(300, 300), mean=1.0, std=0.5, a=1.0, b=9.0)
    assert w.min().item() >= 1 and w.max().item() < 4
    assert w.mean().item() == pytest.approx(1 + 0.5 * math.sqrt(2 / math.pi), rel=0.01)
    w = nn.init.trunc_normal_(weight(100, 100), std=0.02)
    assert deviation(w) == pytest.approx(0.02, rel=0.03)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (6, 2, 3), (0, 3)])
def test_orthogonal(shape):
    w = nn.init.orthogonal_(cr.empty(*shape, dtype=cr.float64), gain=2.0).flatten(1).numpy()
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    if w.size:
        np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_eye_and_dirac():
    assert nn.init.eye_(weight(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    for spatial, convolve in ((1, nn.functional.conv1d), (2, nn.functional.conv2d)):
        x = cr.randn(2, 4, *[5] * spatial)
        w = nn.init.dirac_(weight(4, 4, *[3] * spatial))
        assert convolve(x, w, padding=1).equal(x)
        w = nn.init.dirac_(weight(4, 2, *[3] * spatial), groups=2)
        assert convolve(x, w, padding=1, groups=2).equal(x)


def test_sparse_columns():
    w = nn.init.sparse_(weight(10, 7), sparsity=0.25, std=1.0)
    assert ((w == 0).sum(0) == 3).all()


def test_a_generator_of_ones_own():
    a = nn.init.normal_(weight(3), generator=cr.Generator().manual_seed(4))
    before = cr.get_rng_state().tolist()
    b = nn.init.normal_(weight(3), generator=cr.Generator().manual_seed(4))
    assert a.equal(b) and cr.get_rng_state().tolist() == before


def test_gains():
    gain = nn.init.calculate_gain
    assert gain("linear") == gain("conv2d") == gain("sigmoid") == 1
    assert gain("tanh") == 5 / 3 and gain("relu") == math.sqrt(2) and gain("selu") == 0.75
    assert gain("leaky_relu") == math.sqrt(2 / 1.0001)
    assert gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)
    with pytest.raises(ArgumentError, match=r"CR530.*'swish'; choose from leaky_relu, linear"):
        gain("swish")


def test_what_has_no_fans():
    for fill in (nn.init.xavier_uniform_, nn.init.kaiming_normal_, nn.init.orthogonal_):
        with pytest.raises(ShapeError, match=r"CR531.*\(3,\)"):
            fill(weight(3))
    for fill in (nn.init.eye_, lambda w: nn.init.sparse_(w, 0.1)):
        with pytest.raises(ShapeError, match=r"CR531.*matrix, got \(1, 2, 3\)"):
            fill(weight(1, 2, 3))
    with pytest.raises(ShapeError, match=r"CR531: dirac_"):
        nn.init.dirac_(weight(3, 3))
    with pytest.raises(ShapeError, match=r"CR531.*groups=2"):
        nn.init.dirac_(weight(3, 3, 1), groups=2)
    with pytest.raises(ArgumentError, match=r"CR530.*fan_sideways"):
        nn.init.kaiming_normal_(weight(2, 2), mode="fan_sideways")


def test_layers_start_as_pytorch_starts_them():
    linear = nn.Linear(400, 300)
    conv = nn.Conv2d(16, 64, 5, groups=4)
    for layer, fan_in in ((linear, 400), (conv, 4 * 25)):
        bound = 1 / math.sqrt(fan_in)
        for p in layer.parameters():
            assert 0.95 * bound < p.abs().max().item() <= bound
            assert deviation(p) == pytest.approx(bound / math.sqrt(3), rel=0.1)
    embedding = nn.Embedding(300, 40, padding_idx=7)
    assert deviation(embedding.weight) == pytest.approx(1, rel=0.03)
    assert embedding.weight[7].abs().sum().item() == 0
    norm = nn.BatchNorm2d(3)
    assert norm.weight.tolist() == [1] * 3 and norm.bias.tolist() == [0] * 3
    assert norm.running_mean.tolist() == [0] * 3 and norm.running_var.tolist() == [1] * 3
    assert norm.num_batches_tracked.item() == 0
    assert nn.LayerNorm((2, 3)).weight.tolist() == [[1] * 3] * 2
    assert nn.PReLU(2).weight.tolist() == [0.25, 0.25]
    assert nn.Linear(0, 2).bias.tolist() == [0, 0]


@pytest.mark.parametrize(
    "make", [lambda: nn.Linear(3, 2), lambda: nn.Conv2d(1, 2, 3), lambda: nn.Embedding(3, 2),
             lambda: nn.BatchNorm1d(3), lambda: nn.LayerNorm(3), lambda: nn.PReLU()],
)  # fmt: skip
def test_reset_parameters(make):
    cr.manual_seed(3)
    layer = make()
    start = {key: value.clone() for key, value in layer.state_dict().items()}
    for value in layer.state_dict().values():
        value.fill_(9)
    cr.manual_seed(3)
    layer.reset_parameters()
    assert all(value.equal(start[key]) for key, value in layer.state_dict().items())


def test_random_numbers_that_need_numbers_are_refused_while_tracing():
    w = cr.empty(3, 3)
    with pytest.raises(ChainruleError, match=r"CR401"):
        cr.compile(lambda: nn.init.orthogonal_(w))()
