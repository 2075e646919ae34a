"""Scores gathered batch by batch equal those of all samples together."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ShapeError
from chainrule.metrics import Accuracy, Mean


def test_a_mean_weighs_its_parts():
    mean = Mean()
    for value, weight in [(1.0, 4), (cr.tensor(3.0), 1)]:
        mean.update(value, weight)
    assert mean.compute() == pytest.approx(7 / 5)
    mean.reset()
    assert math.isnan(mean.compute())


def test_accuracy_of_batches_is_the_accuracy_of_all():
    scores = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    targets = np.arange(50) % 4
    accuracy = Accuracy()
    for part in (slice(0, 7), slice(7, 40), slice(40, 50)):
        accuracy.update(cr.from_numpy(scores[part]), cr.from_numpy(targets[part]))
    assert accuracy.compute() == (scores.argmax(1) == targets).mean()
    accuracy.reset()
    accuracy.update(cr.tensor([2, 1, 0]), cr.tensor([2, 1, 1]))
    assert accuracy.compute() == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [((3, 2), (3, 1)), ((3, 2), (2,)), ((3, 2, 2), (3,)), ((3,), (3, 3))],
)
def test_outputs_and_targets_that_do_not_belong_together(outputs, targets):
    with pytest.raises(ShapeError, match=r"CR713.*n, classes"):
        Accuracy().update(cr.zeros(*outputs), cr.zeros(*targets, dtype=cr.int64))


def test_the_accuracy_of_nothing():
    with pytest.raises(ArgumentError, match="CR714"):
        Accuracy().compute()
