"""Causes that the doctor once missed or mistook in loops of many kinds, sick and healthy."""

from collections import Counter

import numpy as np
import pytest
from set_up_data import digits, table
from sick_trainings import adam, mlp, sgd

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch
from chainrule.doctor.checks.dynamics import learning_rate_too_high
from chainrule.doctor.checks.generalization import imbalance
from chainrule.doctor.facts import DataFacts, Epoch, Look, LossFacts, Record
from chainrule.doctor.overlap import Overlap
from chainrule.doctor.training_call import CompiledCall

MODES = pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])


def codes(doctor):
    return [finding.code for finding in doctor.findings]


def watched(model, optimizer):
    return watch(model, optimizer, tell=lambda finding: None)


def tensors(*arrays):
    return tuple(map(cr.tensor, arrays))


@MODES
@pytest.mark.parametrize("forgotten", [True, False])
def test_gradients_that_are_cleared_unused(forgotten, compiled):
    """Without optimizer.step(); the healthy one collects them for 50 steps."""
    cr.manual_seed(0)
    x, y = tensors(*table(5, 2, 0, n=64)[:2])
    model = mlp(5, 8, 2)
    optimizer = sgd(model, 0.1)

    def gradients(a, b):
        if forgotten:
            optimizer.zero_grad()
        F.cross_entropy(model(a), b).backward()

    run = cr.compile(gradients) if compiled else gradients
    with watched(model, optimizer) as doctor:
        for step in range(100):
            run(x[:16], y[:16])
            if not forgotten and step % 50 == 49:
                optimizer.step()
                optimizer.zero_grad()
    assert codes(doctor) == ["D02"] * forgotten


def step_of(model, optimizer):
    """A whole step of a classifier."""

    def step(a, b):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(a), b)
        loss.backward()
        optimizer.step()
        return loss

    return step


def normalized(momentum, compiled, evaluates):
    cr.manual_seed(0)
    x, y = table(6, 2, 0, n=240)[:2]
    x, y = tensors(5 * x + 20, y)
    model = nn.Sequential(nn.BatchNorm1d(6, momentum=momentum), nn.Linear(6, 2))
    optimizer = adam(model, 1e-2)

    step = step_of(model, optimizer)
    run = cr.compile(step) if compiled else step
    with watched(model, optimizer) as doctor:
        for _ in range(8):
            model.train()
            for i in range(0, 120, 20):
                run(x[i : i + 20], y[i : i + 20])
            if evaluates:
                model.eval()
                with cr.no_grad():
                    F.cross_entropy(model(x[120:]), y[120:])
        if not evaluates:
            doctor.verify()
    return doctor


@MODES
@pytest.mark.parametrize("evaluates", [True, False], ids=["evaluated", "tried"])
def test_stale_statistics(evaluates, compiled):
    doctor = normalized(1e-3, compiled, evaluates)
    (finding,) = doctor.findings
    assert finding.code == "D31" and finding.where == "layer 0 (BatchNorm1d)"
    assert codes(normalized(0.1, compiled, evaluates)) == []


def test_an_evaluation_at_the_end_is_no_training_in_evaluation_mode():
    cr.manual_seed(0)
    x, y = tensors(*digits()[:2])
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10))
    optimizer = sgd(model, 1e-3)

    step = cr.compile(step_of(model, optimizer))

    with watched(model, optimizer) as doctor:
        for i in range(0, 300, 20):
            step(x[i : i + 20], y[i : i + 20])
        model.eval()
    assert doctor.record.looks[-1].step > 0
    assert codes(doctor) == []


def verified(model, optimizer, x, y, batches, size):
    """The doctor of 160 steps on batches that come round, after its trials."""
    step = step_of(model, optimizer)
    with watched(model, optimizer) as doctor:
        for number in range(160):
            i = number % batches * size
            step(x[i : i + size], y[i : i + size])
        doctor.verify()
    return doctor


def small_rate(exchanged):
    cr.manual_seed(0)
    x, y = table(6, 3, 0, n=320)[:2]
    y = np.random.default_rng(3).permutation(y) if exchanged else y
    x, y = tensors(x, y)
    model = mlp(6, 24, 3)
    optimizer = sgd(model, 2e-4)
    return verified(model, optimizer, x, y, batches=12, size=20)


def test_exchanged_labels_where_the_rate_is_too_low_to_learn_one_batch():
    sick = small_rate(exchanged=True)
    assert codes(sick)[0] == "D26"
    assert sick.record.trials["times the rate"] > 1
    assert "D26" not in codes(small_rate(exchanged=False))


def test_labels_that_a_sick_network_cannot_learn_are_no_exchanged_ones():
    """Neighbours on a ring have the same label, though no column tells it."""
    rng = np.random.default_rng(0)
    angle, y = rng.uniform(0, 2 * np.pi, 400), rng.integers(0, 2, 400)
    x = (y + 1)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)

    def first(labels):
        cr.manual_seed(0)
        a, b = tensors(x.astype(np.float32), labels)
        model = nn.Sequential(
            nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2)
        )
        with cr.no_grad():
            model[0].weight.mul_(40)
            model[2].weight.mul_(40)
        optimizer = sgd(model, 0.05)
        return verified(model, optimizer, a, b, batches=10, size=40)

    sound, exchanged = first(y), first(rng.permutation(y))
    assert codes(sound) == ["D22"]
    assert sound.record.trials["a neighbour tells"] > 10
    assert exchanged.record.trials["a neighbour tells"] < 3


@pytest.mark.parametrize("bad", [False, True])
def test_what_a_part_of_the_model_makes_is_no_data(bad):
    cr.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 30, 4)).astype(np.float32)
    y = x[:, :, 0].sum(1, keepdims=True)
    x[3, 0, 0] = np.nan if bad else 1
    x, y = tensors(x, y)
    rnn, head = nn.RNN(4, 16, nonlinearity="relu", batch_first=True), nn.Linear(16, 1)
    nn.init.orthogonal_(rnn.weight_hh_l0, gain=2.5)
    model = nn.ModuleDict({"rnn": rnn, "head": head})
    optimizer = sgd(model, 0.01)
    with watched(model, optimizer) as doctor:
        for _ in range(10):
            optimizer.zero_grad()
            F.mse_loss(head(rnn(x)[0][:, -1]), y).backward()
            optimizer.step()
    assert codes(doctor)[0] == ("D11" if bad else "D17")


def test_a_compiled_step_without_arguments_can_be_verified():
    cr.manual_seed(0)
    x, y = tensors(*table(5, 2, 0, n=64)[:2])
    model = mlp(5, 8, 2)
    optimizer = adam(model, 1e-2)

    @cr.compile
    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    with watched(model, optimizer) as doctor:
        for _ in range(20):
            step()
        assert doctor.verify() == []
    assert codes(doctor) == []


def overlap(leaked, epochs, columns=4, values=10, n=800):
    rng = np.random.default_rng(0)
    x = rng.integers(0, values, (n, columns)).astype(np.float32)
    y = (x.sum(1, keepdims=True) + rng.normal(size=(n, 1))).astype(np.float32)
    x, vx, y, vy = x[: n // 2], x[n // 2 :].copy(), y[: n // 2], y[n // 2 :].copy()
    vx[:leaked], vy[:leaked] = x[:leaked], y[:leaked]
    calls = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x), 40):
            rows = order[i : i + 40]
            calls.append(CompiledCall(None, (), {}, list(tensors(x[rows], y[rows]))))
    found, data = Overlap(), DataFacts()
    found.add(vx, vy)
    found.count(data, calls)
    return data.overlap


@pytest.mark.parametrize("epochs", [1, 3])
def test_few_leaked_samples_of_a_table_with_few_values(epochs):
    assert overlap(12, epochs) > 0.02
    assert not overlap(0, epochs)
    assert not overlap(0, epochs, columns=3, values=4)  # nearly all come again by themselves


@pytest.mark.parametrize("leaps", [True, False])
def test_a_loss_that_leapt_up_and_came_down_again(leaps):
    look = Look(0, loss=4.0, update_ratio=25.0, learning_rate=0.3)
    record = Record(step=60, loss=LossFacts("cross_entropy", known=True), looks=[look])
    after = [20.0, 15.0, 12.0] if leaps else [4.0, 3.9, 3.8]
    losses = [4.0, *after, *np.linspace(3.7, 2.0, 56).tolist()]
    record.losses = list(enumerate(losses))
    assert (learning_rate_too_high(record) is not None) == leaps


def test_modules_without_a_name_are_called_by_their_kind():
    record = Record()
    record.wiring.kinds = {"": "Sequential", "0": "Linear", "net": "Net", "net.2": "ReLU"}
    told = {
        "0": "layer 0 (Linear)",
        "0.weight": "weight of layer 0 (Linear)",
        "net": "net",
        "net.2": "layer net.2 (ReLU)",
        "net.scale": "net.scale",
        "weight": "weight",
        "": "the model",
    }
    assert {path: record.called(path) for path in told} == told
    assert record.several(["0", "net", "net.2", "0.bias"]) == (
        "layer 0 (Linear), net, layer net.2 (ReLU), …"
    )


@pytest.mark.parametrize("recall", [0.0, 0.9])
def test_a_rare_class_that_only_the_validation_has_shown(recall):
    loss = LossFacts("cross_entropy", known=True, per_sample=True)
    record = Record(loss=loss, data=DataFacts(class_counts=Counter({0: 32})))
    recalls, supports = {0: 1.0, 1: recall}, {0: 287, 1: 13}
    record.epochs = [Epoch(i + 1, recalls=recalls, supports=supports) for i in range(3)]
    assert (imbalance(record) is not None) == (recall < 0.5)
