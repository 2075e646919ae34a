"""What random layers keep on average, and what they choose."""

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, ShapeError
from chainrule.nn import functional as F


@pytest.fixture(autouse=True)
def seeded():
    cr.manual_seed(0)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p):
    y = F.alpha_dropout(cr.randn(200, 500), p, training=True)
    assert abs(y.mean().item()) < 0.02
    assert y.var().item() == pytest.approx(1, abs=0.05)


def test_feature_alpha_dropout_takes_whole_channels():
    y = nn.FeatureAlphaDropout()(cr.zeros(8, 16, 5, 5))
    assert y.equal(y[:, :, :1, :1].expand(8, 16, 5, 5))
    assert len(set(y[:, :, 0, 0].flatten().tolist())) == 2
    with pytest.raises(ShapeError, match="CR110"):
        F.feature_alpha_dropout(cr.zeros(3), training=True)
    with pytest.raises(ArgumentError, match="CR526"):
        nn.AlphaDropout(1.5)


def test_dropout2d_of_other_axes_warns_and_takes_axis_1():
    with pytest.warns(UserWarning, match="axis 1"):
        y = F.dropout2d(cr.ones(50, 40))
    assert set(y.flatten().tolist()) == {0.0, 2.0}
    with pytest.warns(UserWarning, match="axis 1"):
        y = F.dropout2d(cr.ones(4, 30, 7))
    assert y.equal(y[:, :, :1].expand(4, 30, 7))
    assert not y[0].equal(y[1])


def test_rrelu_draws_slopes_between_its_bounds():
    y = F.rrelu(-cr.ones(1000), 0.2, 0.4, training=True)
    assert -0.4 <= y.min().item() < -0.38 and -0.22 < y.max().item() <= -0.2
    assert F.rrelu(-cr.ones(2), 0.2, 0.4).allclose(cr.full((2,), -0.3))
    with pytest.raises(ArgumentError, match="CR529"):
        F.rrelu(y, 0.5, 0.4)


def test_gumbel_softmax_chooses_by_the_probabilities():
    logits = cr.tensor([0.2, 0.3, 0.5]).log().expand(20000, 3)
    hard = F.gumbel_softmax(logits, hard=True)
    assert hard.sum(1).equal(cr.ones(20000)) and set(hard.flatten().tolist()) == {0.0, 1.0}
    assert hard.mean(0).allclose(cr.tensor([0.2, 0.3, 0.5]), atol=0.02)
    x = cr.zeros(4, 3, requires_grad=True)
    (F.gumbel_softmax(x, tau=0.5, hard=True) * cr.arange(3.0)).sum().backward()
    assert x.grad.abs().sum().item() > 0


def test_a_warm_gumbel_softmax_is_soft():
    y = F.gumbel_softmax(cr.zeros(100, 3), tau=10.0, dim=0)
    assert y.sum(0).allclose(cr.ones(3)) and y.max().item() < 0.1
