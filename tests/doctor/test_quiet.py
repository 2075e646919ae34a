"""Steps that pass quietly between looks: nothing is lost, and nothing comes late."""

import math

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import quiet, watch
from chainrule.doctor.looking import NOTED
from chainrule.observers import unobserved
from tests.support.observed import X, Y

PAUSE = 10_000  # steps for which nothing is due
BEFORE = 4  # steps


def network():
    cr.manual_seed(0)
    return nn.Sequential(nn.Linear(X.shape[1], 8), nn.Tanh(), nn.Linear(8, 3))


class Training:
    """A watched network, a compiled step, and what it returned; nothing is due any more."""

    def __init__(self, **options):
        self.net = net = network()
        learner = cr.optim.SGD(net.parameters(), lr=0.05)

        @cr.compile(**options)
        def step(x, y, scale=1.0):
            learner.zero_grad()
            loss = F.cross_entropy(net(x), y) * scale
            loss.backward()
            learner.step()
            return loss

        self.step, self.losses = step, []
        self.doctor = watch(net, learner, tell=lambda finding: None)
        for i in range(BEFORE):
            self.do(i)
        schedule = self.doctor.schedule
        schedule._next = schedule._next_glance = PAUSE
        schedule._must = False
        self.doctor.wake()
        self.do(BEFORE)  # asks how long nothing is due

    def do(self, i, rows=32, **options):
        start = i % 5 * rows
        x, y = (cr.tensor(a[start : start + rows]) for a in (X, Y))
        self.losses.append(self.step(x, y, **options).item())

    @property
    def waiting(self):
        return sum(len(calls) for _, calls in self.doctor.quiet.calls)


@pytest.fixture(params=["native", "reference"])
def training(request):
    made = Training(engine=request.param)
    yield made
    made.doctor.close()


def test_steps_that_passed_are_known_as_soon_as_somebody_asks(training):
    for i in range(BEFORE + 1, 30):
        training.do(i)
    assert training.waiting > 20
    record, kept = training.doctor.record, training.doctor.kept.calls
    assert record.step == 30
    assert record.losses == list(enumerate(training.losses))
    assert len(kept) == 30
    for i, call in enumerate(kept):
        np.testing.assert_array_equal(call.arrays[0], X[i % 5 * 32 :][:32])
    assert training.waiting == 0


def test_what_passed_can_be_run_again(training):
    for i in range(BEFORE + 1, 12):
        training.do(i)
    calls = list(training.doctor.kept.calls)
    training.net.load_state_dict(network().state_dict())
    again = [call.run().item() for call in calls]
    np.testing.assert_allclose(again, training.losses, rtol=1e-5)


def test_a_loss_that_is_no_number_is_looked_into_at_once(training):
    for i in range(BEFORE + 1, 12):
        training.do(i)
    x = X[:32].copy()
    x[3, 2] = math.nan
    assert math.isnan(training.step(cr.tensor(x), cr.tensor(Y[:32])).item())
    (finding,) = training.doctor.findings
    assert finding.step == 12
    assert training.doctor.record.data.bad_rows == [3]


def test_a_step_that_raises_is_kept_but_does_not_count(training, monkeypatch):
    recording = training.step._recordings[0][1]

    def run(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "run", run)
    with pytest.raises(KeyboardInterrupt):
        training.do(BEFORE + 1)
    monkeypatch.undo()
    training.do(BEFORE + 2)
    assert training.doctor.record.step == BEFORE + 2
    assert len(training.doctor.record.losses) == BEFORE + 2


def test_what_is_no_part_of_the_training_does_not_count(training):
    with unobserved():
        training.do(BEFORE + 1)
    assert training.waiting == 0
    training.do(BEFORE + 2)
    assert training.doctor.record.step == BEFORE + 2


def test_batches_of_two_sizes_keep_their_order(training):
    for i in range(BEFORE + 1, 25):
        training.do(i, rows=32 if i % 4 else 16)
    assert training.doctor.record.losses == list(enumerate(training.losses))
    sizes = [len(call.arrays[0]) for call in training.doctor.kept.calls]
    assert sizes[BEFORE + 1 :] == [32 if i % 4 else 16 for i in range(BEFORE + 1, 25)]


def test_large_batches_do_not_wait(monkeypatch):
    monkeypatch.setattr(quiet, "MOST_WAITING", 3 * 32 * (X[0].nbytes + Y[0].nbytes))
    training = Training(engine="reference")
    most = 0
    for i in range(BEFORE + 1, 20):
        training.do(i)
        most = max(most, training.waiting)
    assert most == 3
    assert training.doctor.record.losses == list(enumerate(training.losses))


def test_an_evaluation_is_seen_where_it_was(training):
    """It ends an epoch, to which the steps before it belong, and none after it."""
    for i in range(BEFORE + 1, 10):
        training.do(i)
    training.net.eval()
    with cr.no_grad():
        F.cross_entropy(training.net(cr.tensor(X[:64])), cr.tensor(Y[:64]))
    training.net.train()
    for i in range(10, 20):
        training.do(i)
    (epoch,) = training.doctor.record.epochs
    assert epoch.train_loss == pytest.approx(np.mean(training.losses[:10]))


def test_numbers_that_became_inputs_are_no_data(training):
    for i in range(BEFORE + 1, 16):
        training.do(i, scale=1.0 + i / 100)
    assert training.step.takes_numbers
    call = training.doctor.kept.calls[-1]
    assert [a.shape for a in call.arrays] == [(32, X.shape[1]), (32,)]
    assert call.target.shape == (32,)


def test_the_state_is_not_noted_at_every_look(training):
    noted = []
    for i in range(BEFORE + 1, BEFORE + 2 * NOTED):
        training.doctor.schedule.hasten(i)
        training.doctor.wake()
        training.do(i)
        noted.append(training.doctor._noted)
    looks = [look.step for look in training.doctor.record.looks]
    assert looks[1:] == list(range(BEFORE + 1, BEFORE + 2 * NOTED))
    assert sorted({*noted}) == [0, NOTED, 2 * NOTED]


def test_steps_in_evaluation_mode_never_pass(training):
    training.net.eval()
    for i in range(BEFORE + 1, 12):
        training.do(i)
        assert training.waiting == 0
    assert training.doctor.record.wiring.steps_in_evaluation == 12 - BEFORE - 1


def test_a_watch_that_was_closed_keeps_nothing(training):
    for i in range(BEFORE + 1, 12):
        training.do(i)
    training.doctor.close()
    training.do(12)
    assert training.doctor.record.step == 12
    assert training.waiting == 0
    assert not training.doctor.kept.calls
