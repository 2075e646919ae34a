"""Errors and properties of the losses with margins and of distributions, and of distances."""

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, AxisError, DtypeError, ShapeError
from chainrule.nn import functional as F

X, Y, T = cr.ones(4, 3), cr.zeros(4, 3), cr.tensor([0, 1, 2, 1])
SIGNS = cr.tensor([1.0, -1.0, 1.0, -1.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.margin_ranking_loss(X, Y, SIGNS), ShapeError, r"CR510.*same number of axes"),
        (lambda: F.hinge_embedding_loss(X, SIGNS), ShapeError, "CR510"),
        (lambda: F.cosine_embedding_loss(X, Y, X), ShapeError, "CR510"),
        (lambda: F.triplet_margin_loss(X, Y, SIGNS), ShapeError, "CR510"),
        (lambda: F.triplet_margin_loss(X, Y, X, margin=0.0), ArgumentError, r"CR518.*margin=0"),
        (lambda: nn.TripletMarginLoss(-1.0), ArgumentError, r"CR518.*TripletMarginLoss"),
        (lambda: F.multi_margin_loss(X, T, p=3), ArgumentError, r"CR518.*p=3"),
        (lambda: nn.MultiMarginLoss(p=3), ArgumentError, r"CR518.*p=3"),
        (lambda: F.multi_margin_loss(X, T + 1), AxisError, r"CR512.*label 3"),
        (lambda: F.multi_margin_loss(X, T.float()), DtypeError, "CR513"),
        (lambda: F.multi_margin_loss(X, T[:2]), ShapeError, r"CR510.*labels of shape"),
        (lambda: F.multi_margin_loss(X, T, weight=SIGNS), ShapeError, r"CR515.*weight"),
        (lambda: F.multi_margin_loss(X[None], T), ShapeError, "CR515"),
        (lambda: F.multilabel_margin_loss(X, T), ShapeError, "CR510"),
        (lambda: F.multilabel_margin_loss(X, X.long() + 2), AxisError, "CR512"),
        (lambda: F.soft_margin_loss(X, SIGNS), ShapeError, "CR510"),
        (lambda: F.soft_margin_loss(X, X, reduction="max"), ArgumentError, "CR511"),
        (lambda: F.poisson_nll_loss(X, SIGNS), ShapeError, "CR510"),
        (lambda: F.gaussian_nll_loss(X, Y, -X), ArgumentError, r"CR518.*negative"),
        (lambda: F.gaussian_nll_loss(X, Y, -1.0), ArgumentError, r"CR518.*negative"),
        (lambda: F.gaussian_nll_loss(X, Y, X[0, :2]), ShapeError, r"CR510.*variance"),
        (lambda: F.gaussian_nll_loss(X, SIGNS, X), ShapeError, "CR510"),
        (lambda: F.pdist(SIGNS), ShapeError, "CR534"),
        (lambda: F.mse_loss(X, Y, "sum"), ArgumentError, r"CR511.*reduction='sum'"),
        (lambda: F.l1_loss(X, Y, weight=SIGNS), ShapeError, r"CR510.*weight"),
        (lambda: F.bilinear(X, Y[:2], cr.ones(1, 3, 3)), ShapeError, r"CR101.*bilinear"),
        (lambda: nn.Bilinear(0, 1, 1), ArgumentError, "CR902"),
    ],
)
def test_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("size_average", "reduce", "reduction"),
    [(None, False, "none"), (True, None, "mean"), (False, None, "sum"), (False, True, "sum")],
)
def test_older_arguments_warn_and_mean_the_same(size_average, reduce, reduction):
    expected = F.cross_entropy(X, T, reduction=reduction)
    with pytest.warns(UserWarning, match=f"reduction='{reduction}'"):
        assert F.cross_entropy(X, T, None, size_average, -100, reduce).equal(expected)
    with pytest.warns(UserWarning, match=f"reduction='{reduction}'"):
        loss = nn.CrossEntropyLoss(None, size_average, -100, reduce)
    assert loss.reduction == reduction and loss(X, T).equal(expected)


def test_what_is_ordered_well_enough_costs_nothing():
    near, far = cr.zeros(2, 3), cr.full((2, 3), 9.0)
    assert F.triplet_margin_loss(near, near, far).item() == 0
    assert F.triplet_margin_loss(near, far, near).item() > 9
    assert nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: (a - b).abs().amax(-1)
    )(near, far, near).item() == 10  # fmt: skip


def test_adaptive_softmax_is_a_distribution_and_agrees_with_its_parts():
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], div_value=2.0)
    x = cr.randn(5, 8)
    labels = cr.tensor([0, 3, 4, 12, 19])
    log_probs = layer.log_prob(x)
    assert log_probs.exp().sum(1).allclose(cr.ones(5))
    output, loss = layer(x, labels)
    assert output.allclose(log_probs.gather(1, labels.unsqueeze(1)).squeeze(1))
    assert loss.allclose(-output.mean())
    assert layer.predict(x).equal(log_probs.argmax(1))
    compiled = cr.compile(lambda a, b: layer(a, b).output)
    assert compiled(x, labels).allclose(output)
    with pytest.raises(AxisError, match="CR512"):
        layer(x, labels + 1)
    with pytest.raises(ShapeError, match="CR510"):
        layer(x, labels[:2])
    for cutoffs in ([], [0, 4], [4, 4], [20], [10, 4]):
        with pytest.raises(ArgumentError, match="CR566"):
            nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs)
