"""Thinning: the journal of a long training stays short, and no peak is lost."""

import math

import pytest

from chainrule.report.thinning import WHOLE, Moment, Thinning


def written(losses):
    thinning = Thinning()
    moments = [
        m for s, loss in enumerate(losses, 1) for m in thinning.add(Moment(s, loss, 0.1))
    ]
    return moments + thinning.rest()


@pytest.mark.parametrize("count", [1, WHOLE - 1, 2 * WHOLE])
def test_of_a_short_training_every_step_is_written(count):
    assert [m.step for m in written([1.0 / s for s in range(1, count + 1)])] == list(
        range(1, count + 1)
    )


def test_of_a_long_one_each_peak_stays_at_its_step():
    losses = [1.0 + 1e-6 * s for s in range(60_000)]
    peaks = range(5_000, 60_000, 7_777)
    for step in peaks:
        losses[step - 1] = 9.0
    moments = written(losses)
    assert {m.step for m in moments if m.loss == 9.0} == set(peaks)
    assert len(moments) < 13_000
    steps = [m.step for m in moments]
    assert steps == sorted(set(steps)) and steps[-1] >= 60_000 - 1


def test_a_loss_that_is_lost_is_written_at_once():
    thinning = Thinning()
    for step in range(1, 50_000):
        thinning.add(Moment(step, 1.0, 0.1))
    thinning.rest()
    thinning.add(Moment(50_000, 1.0, 0.1))
    now = thinning.add(Moment(50_001, math.nan, 0.1))
    assert [m.step for m in now] == [50_000, 50_001]
    assert thinning.add(Moment(50_002, math.nan, 0.1)) == []
