"""Losses by closed forms; what they refuse, and in which words."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import ArgumentError, AxisError, DtypeError, ShapeError
from chainrule.tensor import trace

PAIRED = ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div",
          "binary_cross_entropy", "binary_cross_entropy_with_logits"]  # fmt: skip


def d(*values):
    return cr.tensor(values, dtype=cr.float64)


# -- numbers with numbers --------------------------------------------------------------


def test_squared_and_absolute_error():
    x, t = cr.tensor([1.0, 2.0, 5.0]), cr.tensor([1.0, 4.0, 1.0])
    assert F.mse_loss(x, t).item() == pytest.approx(20 / 3)
    assert F.mse_loss(x, t, reduction="sum").item() == 20
    assert F.mse_loss(x, t, reduction="none").tolist() == [0, 4, 16]
    assert F.l1_loss(x, t).item() == 2


def test_smooth_losses_join_at_their_bend():
    x = d(0.0, 0.5, 1.0, 3.0)
    t = x.zeros_like()
    assert F.smooth_l1_loss(x, t, reduction="none").tolist() == [0, 0.125, 0.5, 2.5]
    assert F.smooth_l1_loss(x, t, beta=2.0, reduction="none").tolist() == [0, 0.0625, 0.25, 2]
    assert F.huber_loss(x, t, reduction="none").tolist() == [0, 0.125, 0.5, 2.5]
    assert F.huber_loss(x, t, delta=2.0, reduction="none").tolist() == [0, 0.125, 0.5, 4]
    assert F.huber_loss(x, t, weight=d(1, 1, 0, 2), reduction="sum").item() == 5.125
    with pytest.raises(ArgumentError, match=r"CR518.*beta=-1"):
        F.smooth_l1_loss(x, t, beta=-1)
    with pytest.raises(ArgumentError, match=r"CR518.*delta=0"):
        F.huber_loss(x, t, delta=0)


def test_kullback_leibler():
    p, q = d(0.5, 0.5, 0.0), d(0.25, 0.25, 0.5)
    assert F.kl_div(q.log(), p, reduction="sum").item() == pytest.approx(math.log(2))
    assert F.kl_div(q.log()[None], p[None], reduction="batchmean").item() == pytest.approx(
        math.log(2)
    )
    with_logs = F.kl_div(q.log(), q.log(), reduction="sum", log_target=True)
    assert with_logs.item() == 0


def test_binary_cross_entropy():
    p, t = d(0.25, 0.25), d(1.0, 0.0)
    expected = [-math.log(0.25), -math.log(0.75)]
    assert F.binary_cross_entropy(p, t, reduction="none").tolist() == pytest.approx(expected)
    x = (p / (1 - p)).log()
    got = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    assert got.tolist() == pytest.approx(expected)
    weighted = F.binary_cross_entropy_with_logits(x, t, d(2, 1), pos_weight=d(3, 3))
    assert weighted.item() == pytest.approx((6 * expected[0] + expected[1]) / 2)


def test_binary_cross_entropy_at_the_ends():
    loss = F.binary_cross_entropy(d(0.0, 1.0, 0.0), d(0.0, 1.0, 1.0), reduction="none")
    assert loss.tolist() == [0, 0, 100]
    x = d(1e4, -1e4, 1e4).requires_grad_()
    loss = F.binary_cross_entropy_with_logits(x, d(1.0, 0.0, 0.0), reduction="none")
    assert loss.tolist() == [0, 0, 1e4]
    loss.sum().backward()
    assert x.grad.tolist() == [0, 0, 1]


def test_binary_cross_entropy_with_logits_at_zero():
    x = cr.zeros(1, dtype=cr.float64).requires_grad_()
    F.binary_cross_entropy_with_logits(x, d(1.0)).backward()
    assert x.grad.item() == -0.5


@pytest.mark.parametrize("bad", [1.5, -0.1])
def test_probabilities_out_of_range(bad):
    with pytest.raises(ArgumentError, match=r"CR517.*probabilities.*sigmoid"):
        F.binary_cross_entropy(d(0.5, bad), d(1.0, 0.0))


# -- shapes ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize(
    ("x", "t", "repair"),
    [
        ((4, 1), (4,), r"Squeeze the input, input.squeeze\(1\)"),
        ((4,), (4, 1), r"Squeeze the target, target.squeeze\(1\)"),
        ((1, 4), (4,), r"Squeeze the input, input.squeeze\(0\)"),
        (
            (4, 3),
            (3,),
            r"Broadcasting would give \(4, 3\); if that is meant.*expand\(\(4, 3\)\)",
        ),
        ((4, 1), (1, 4), r"Broadcasting would give \(4, 4\)"),
        ((4, 3), (4, 2), r"Are these the right ones\?"),
    ],
)
def test_unequal_shapes_are_refused(name, x, t, repair):
    with pytest.raises(ShapeError, match=rf"CR510: {name} compares.*must be equal. {repair}"):
        getattr(F, name)(cr.full(x, 0.5), cr.full(t, 0.5))


@pytest.mark.parametrize("name", PAIRED)
def test_the_mean_of_an_empty_batch_is_refused(name):
    empty = cr.ones(0, 3)
    with pytest.raises(ArgumentError, match=rf"CR514: {name}: .*empty batch.*\(0, 3\)"):
        getattr(F, name)(empty, empty)
    assert getattr(F, name)(empty, empty, reduction="sum").item() == 0
    assert getattr(F, name)(empty, empty, reduction="none").shape == (0, 3)


@pytest.mark.parametrize("name", [*PAIRED, "cross_entropy", "nll_loss"])
def test_unknown_reductions(name):
    target = cr.tensor([0]) if name in ("cross_entropy", "nll_loss") else cr.ones(1, 2)
    with pytest.raises(ArgumentError, match=rf"CR511: {name}: reduction='avg'.*none, mean"):
        getattr(F, name)(cr.ones(1, 2), target, reduction="avg")


# -- classes ---------------------------------------------------------------------------


def test_cross_entropy_of_labels():
    x = d([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])
    logp = np.log(np.exp(x.numpy()) / np.exp(x.numpy()).sum(1, keepdims=True))
    t = cr.tensor([0, 2])
    each = [-logp[0, 0], -logp[1, 2]]
    assert F.cross_entropy(x, t, reduction="none").tolist() == pytest.approx(each)
    assert F.cross_entropy(x, t).item() == pytest.approx(sum(each) / 2)
    w = d(2.0, 1.0, 0.5)
    weighted = F.cross_entropy(x, t, w).item()
    assert weighted == pytest.approx((2 * each[0] + 0.5 * each[1]) / 2.5)
    assert F.nll_loss(F.log_softmax(x, 1), t, w).item() == pytest.approx(weighted)


def test_ignored_labels_do_not_count():
    x = cr.randn(4, 3).requires_grad_()
    kept = F.cross_entropy(x[:2], cr.tensor([0, 2]))
    for ignore, t in ((-100, [0, 2, -100, -100]), (1, [0, 2, 1, 1])):
        loss = F.cross_entropy(x, cr.tensor(t), ignore_index=ignore)
        assert loss.item() == pytest.approx(kept.item(), rel=1e-6)
        (g,) = cr.autograd.grad(loss, x)
        assert g[2:].abs().sum().item() == 0 and g[:2].abs().sum().item() > 0
    nothing = F.cross_entropy(x, cr.full((4,), -100))
    assert nothing.isnan().item()
    assert F.cross_entropy(x, cr.full((4,), -100), reduction="sum").item() == 0


def test_label_smoothing_is_a_softer_target():
    x, t, w = cr.randn(5, 4).double(), cr.tensor([3, 1, 0, 2, 1]), d(1.0, 2.0, 0.5, 1.5)
    soft = F.one_hot(t, 4).double() * 0.7 + 0.3 / 4
    for weight in (None, w):
        smooth = F.cross_entropy(x, t, weight, label_smoothing=0.3, reduction="none")
        assert smooth.allclose(F.cross_entropy(x, soft, weight, reduction="none"))
    probabilities = F.cross_entropy(x, F.one_hot(t, 4).double(), label_smoothing=0.3)
    assert probabilities.allclose(F.cross_entropy(x, t, label_smoothing=0.3))
    with pytest.raises(ArgumentError, match=r"CR518.*label_smoothing=1.5"):
        F.cross_entropy(x, t, label_smoothing=1.5)


def test_images_have_a_label_at_every_place():
    x, t = cr.randn(2, 3, 4, 5), cr.randint(0, 3, (2, 4, 5))
    flat = F.cross_entropy(x.permute(0, 2, 3, 1).reshape(-1, 3), t.reshape(-1))
    assert F.cross_entropy(x, t).allclose(flat)
    assert F.cross_entropy(x, t, reduction="none").shape == (2, 4, 5)


@pytest.mark.parametrize("kind", ["labels", "smooth", "probabilities", "nll"])
def test_derivatives(kind):
    x = cr.arange(12.0, dtype=cr.float64).reshape(4, 3).sin().requires_grad_()
    t, w = cr.tensor([2, 0, 1, 1]), d(1.0, 0.5, 2.0).requires_grad_()
    soft = x.detach().cos().softmax(1).requires_grad_()
    loss, inputs = {
        "labels": (lambda x, w: F.cross_entropy(x, t, w), [x, w]),
        "smooth": (lambda x, w: F.cross_entropy(x, t, w, label_smoothing=0.2), [x, w]),
        "probabilities": (lambda x, w, s: F.cross_entropy(x, s, w), [x, w, soft]),
        "nll": (lambda x, w: F.nll_loss(x, t, w, ignore_index=0), [x, w]),
    }[kind]
    assert gradcheck(loss, inputs)
    assert gradgradcheck(loss, inputs)


def test_cross_entropy_of_huge_logits():
    x = cr.tensor([[1e30, 0.0], [0.0, -math.inf]]).requires_grad_()
    loss = F.cross_entropy(x, cr.tensor([0, 0]))
    loss.backward()
    assert loss.item() == 0 and x.grad.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("bad", [-1, 3, 7])
def test_labels_out_of_range(function, bad):
    with pytest.raises(
        AxisError, match=rf"CR512: {function.__name__}: label {bad} is .*3 classes.*0 to 2"
    ):
        function(cr.ones(4, 3), cr.tensor([0, bad, 1, 2]))
    with pytest.raises(IndexError, match=r"labels start at 0"):
        function(cr.ones(4, 3), cr.tensor([1, 2, 3, 2]))


def test_labels_of_another_type():
    x = cr.ones(4, 3)
    with pytest.raises(DtypeError, match=r"CR513: cross_entropy: labels.*float32.*long\(\)"):
        F.cross_entropy(x, cr.ones(4))
    with pytest.raises(DtypeError, match=r"CR513.*probabilities.*int64.*argmax\(1\)"):
        F.cross_entropy(x, cr.ones(4, 3).long())
    for dtype in (cr.uint8, cr.int32, cr.int16):
        assert F.cross_entropy(x, cr.ones(4, dtype=dtype)).item() == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("x", "t", "words"),
    [
        (
            (4, 3),
            (4, 1),
            r"labels have shape \(4,\), got a target \(4, 1\); target.squeeze\(1\)",
        ),
        ((4, 3), (3,), r"labels have shape \(4,\), got a target \(3,\)"),
        ((2, 3, 5, 5), (2, 5), r"labels have shape \(2, 5, 5\)"),
        ((3,), (1,), r"labels have shape \(\), got a target \(1,\)"),
    ],
)
def test_labels_of_another_shape(x, t, words):
    with pytest.raises(ShapeError, match=rf"CR510: cross_entropy.*{words}"):
        F.cross_entropy(cr.ones(x), cr.zeros(t).long())


def test_inputs_and_weights_of_another_shape():
    with pytest.raises(ShapeError, match=r"CR515.*weight has shape \(2,\).*3 classes"):
        F.cross_entropy(cr.ones(4, 3), cr.zeros(4).long(), cr.ones(2))
    with pytest.raises(ShapeError, match=r"CR515.*at least one class, got \(\)"):
        F.cross_entropy(cr.tensor(1.0), cr.tensor(0))
    with pytest.raises(ShapeError, match=r"CR515.*got \(2, 0\)"):
        F.cross_entropy(cr.ones(2, 0), cr.tensor([0, 0]))


@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
def test_an_empty_batch_of_labels(function):
    x, t = cr.ones(0, 3), cr.zeros(0).long()
    with pytest.raises(ArgumentError, match=rf"CR514: {function.__name__}.*empty batch"):
        function(x, t)
    assert function(x, t, reduction="sum").item() == 0


def test_shapes_are_checked_while_tracing_too():
    with pytest.raises(ShapeError, match=r"CR510"), trace.active(trace.Trace()):
        F.mse_loss(cr.ones(4, 1), cr.ones(4))
