"""Trials of remedies: what they show, and that they leave nothing behind."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch
from chainrule.doctor.finding import Finding, Severity, Stage
from chainrule.doctor.trial import Outcome
from tests.support.observed import X, Y, whole_state


def found(*remedy):
    return Finding(
        "D00", "a fault", Stage.FIT, Severity.FATAL, 0, "", "", "", "", remedy=remedy
    )


def train(step, model, learner, *, steps=60, x=X, y=Y):
    """A watch that has seen some steps, with no findings of its own."""
    doctor = watch(model, learner, tell=lambda f: None)
    for i in range(steps):
        rows = slice(i % 6 * 32, i % 6 * 32 + 32)
        step(cr.tensor(x[rows]), cr.tensor(y[rows]))
    doctor.findings.clear()
    return doctor


def tried(doctor, model, learner, *remedy):
    """The finding after its trial, which has changed nothing."""
    np.random.seed(0)
    state = cr.get_rng_state()
    before = str(whole_state(model, learner))
    cr.set_rng_state(state)
    finding = found(*remedy)
    doctor.findings.append(finding)
    doctor.verify()
    np.random.seed(0)
    assert str(whole_state(model, learner)) == before
    doctor.close()
    return finding


def classifier(lr=0.1, loss=F.cross_entropy, end=(), engine=None, clears=True, **options):
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3), *end)
    learner = cr.optim.SGD(model.parameters(), lr=lr, **options)

    def step(x, y):
        if clears:
            learner.zero_grad()
        value = loss(model(x), y)
        value.backward()
        learner.step()
        return value

    return (step if engine is None else cr.compile(step, engine=engine)), model, learner


@pytest.mark.parametrize("engine", [None, "reference"])
@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"lr": 50.0}, ("lr", 0.002)),
        ({"lr": 1e-6}, ("lr", 1e5)),
        ({"weight_decay": 1.0}, ("weight_decay", 0.0)),
        ({"end": [nn.Sigmoid()]}, ("logits",)),
        ({"lr": 0.3, "clears": False}, ("zero_grad",)),
    ],
)
def test_a_change_that_helps_is_verified(options, remedy, engine):
    step, model, learner = classifier(engine=engine, **options)
    finding = tried(train(step, model, learner), model, learner, *remedy)
    assert finding.verified is True, finding.trial
    assert finding.trial.startswith("50 steps from the beginning: loss ")


@pytest.mark.parametrize("remedy", [("lr", 1e-4), ("weight_decay", 10.0)])
def test_a_change_that_does_harm_is_not(remedy):
    step, model, learner = classifier()
    finding = tried(train(step, model, learner), model, learner, *remedy)
    assert finding.verified is False
    assert "with the change" in finding.trial


def test_inputs_are_standardized():
    x = (X * 1000 + 5000).astype(np.float32)
    step, model, learner = classifier(lr=0.01)
    finding = tried(train(step, model, learner, x=x), model, learner, "standardize inputs")
    assert finding.verified is True


def test_a_loss_that_is_a_formula_cannot_be_repeated():
    step, model, learner = classifier(
        loss=lambda z, y: F.cross_entropy(z, y) + 0.1 * F.mse_loss(z, z.detach() * 0)
    )
    finding = tried(train(step, model, learner), model, learner, "lr", 0.1)
    assert finding.verified is None
    assert "only the program can repeat" in finding.trial


def test_outputs_that_the_program_changes_are_not_guessed():
    step, model, learner = classifier(loss=lambda z, y: F.cross_entropy(z[:, :2], y * 0))
    finding = tried(train(step, model, learner), model, learner, "lr", 0.1)
    assert finding.verified is None
    assert "changes the outputs" in finding.trial


def test_a_loss_over_a_number_is_repeated():
    step, model, learner = classifier(lr=50.0, loss=lambda z, y: F.cross_entropy(z, y) / 2)
    finding = tried(train(step, model, learner), model, learner, "lr", 0.002)
    assert finding.verified is True


def test_too_few_batches_are_no_trial():
    step, model, learner = classifier()
    finding = tried(train(step, model, learner, steps=4), model, learner, "lr", 0.1)
    assert (finding.verified, finding.trial) == (None, "")


def test_a_batch_that_was_written_over_is_repeated_as_it_was():
    """Some programs copy each batch into the same tensor."""
    step, model, learner = classifier(lr=50.0)
    x, y = cr.zeros(32, 6), cr.zeros(32, dtype=cr.int64)
    doctor = watch(model, learner, tell=lambda f: None)
    for i in range(60):
        rows = slice(i % 6 * 32, i % 6 * 32 + 32)
        x.copy_(cr.tensor(X[rows]))
        y.copy_(cr.tensor(Y[rows]))
        step(x, y)
    doctor.findings.clear()
    firsts = {call.arrays[0].tobytes() for call in doctor.kept.calls}
    assert len(firsts) == 6
    assert tried(doctor, model, learner, "lr", 0.002).verified is True


def test_an_outcome_needs_more_than_noise():
    assert Outcome(50, before=1.0, after=0.5, first=2.0).helped
    assert Outcome(50, before=float("nan"), after=3.0, first=2.0).helped
    assert not Outcome(50, before=1.0, after=float("nan"), first=2.0).helped
    assert not Outcome(50, before=1.0, after=0.99, first=1.01).helped
