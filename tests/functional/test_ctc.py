"""CTC against the sum over all paths, its lengths and its errors."""

import itertools
import math

import pytest

import chainrule as cr
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import ArgumentError, AxisError, DtypeError, ShapeError
from chainrule.nn import functional as F


def reads_as(path, blank):
    """A path without repetitions, then without blanks."""
    return [k for k, _ in itertools.groupby(path) if k != blank]


def by_enumeration(log_probs, target, blank):
    times, classes = log_probs.shape
    total = sum(
        math.exp(sum(log_probs[t, k].item() for t, k in enumerate(path)))
        for path in itertools.product(range(classes), repeat=times)
        if reads_as(path, blank) == target
    )
    return -math.log(total) if total else math.inf


def probabilities(times, n, classes):
    drawn = cr.randn(times, n, classes, generator=cr.Generator().manual_seed(3))
    return drawn.double().log_softmax(2)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize(
    "labels", [[], [1], [1, 1], [3, 1], [1, 3, 1], [1, 1, 1], [3, 1, 1, 3]]
)
def test_the_sum_over_all_paths(labels, blank):
    x = probabilities(5, 2, 4)
    targets = cr.tensor([labels + [1] * (4 - len(labels))] * 2)
    loss = F.ctc_loss(x, targets, [5, 4], [len(labels)] * 2, blank, "none")
    expected = [
        by_enumeration(x[:5, 0], labels, blank),
        by_enumeration(x[:4, 1], labels, blank),
    ]
    assert loss.tolist() == pytest.approx(expected, rel=1e-12)


def test_derivatives_and_compiled():
    targets = cr.tensor([[1, 2], [2, 2]])

    def loss(x):
        return F.ctc_loss(x.log_softmax(2), targets, (4, 4), (2, 1))

    x = probabilities(4, 2, 3).requires_grad_()
    assert gradcheck(loss, [x])
    assert gradgradcheck(loss, [x])
    assert cr.compile(loss)(x.detach()).equal(loss(x.detach()))


def test_a_sequence_that_is_too_short():
    x = probabilities(3, 2, 3).requires_grad_()
    targets = cr.tensor([[1, 1, 2], [1, 2, 1]])
    assert F.ctc_loss(x, targets, (3, 3), (3, 3)).item() == math.inf
    loss = F.ctc_loss(x, targets, (3, 3), (3, 3), reduction="none", zero_infinity=True)
    assert loss[0].item() == 0 and loss[1].item() > 0
    loss.sum().backward()
    assert x.grad[:, 0].equal(cr.zeros(3, 3).double()) and x.grad.isfinite().all()


def test_certain_classes_are_no_nan():
    x = cr.tensor([[[0.0, -math.inf]], [[-math.inf, 0.0]]], requires_grad=True)
    loss = F.ctc_loss(x, cr.tensor([[1]]), [2], [1])
    loss.backward()
    assert loss.item() == 0 and x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((4, 2, 3), [[1, 2]], (4,), (2,)), ShapeError, r"CR510.*axis 1"),
        (((4, 2, 3), [[1], [2]], (4,), (1, 1)), ShapeError, r"CR510.*1 input_lengths"),
        (((4, 2, 3), [[1], [2]], (5, 4), (1, 1)), ArgumentError, r"CR518.*from 0 to 4"),
        (((4, 2, 3), [[1], [2]], (4, 4), (1, 2)), ArgumentError, r"CR518.*hold 1 labels"),
        (((4, 2, 3), [1, 2, 1], (4, 4), (1, 1)), ShapeError, r"CR510.*add up to 2"),
        (((4, 2, 3), [[1], [3]], (4, 4), (1, 1)), AxisError, r"CR512.*label 3"),
        (((4, 2, 3), [[1.0], [2.0]], (4, 4), (1, 1)), DtypeError, "CR513"),
        (((4, 2, 3), [[1], [2]], (4, 4), (1, 1), 3), ArgumentError, r"CR518.*blank=3"),
        (((4, 2, 3), [[1], [2]], (4, 4), (1, 1), 0, "all"), ArgumentError, "CR511"),
        (((4,), [[1], [2]], (4, 4), (1, 1)), ShapeError, r"CR510.*times, n, classes"),
    ],
)
def test_what_does_not_fit(arguments, error, message):
    shape, targets, *others = arguments
    with pytest.raises(error, match=message):
        F.ctc_loss(cr.zeros(shape), cr.tensor(targets), *others)
