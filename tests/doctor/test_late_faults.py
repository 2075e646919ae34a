"""Faults that come late, or only show where nobody has looked for a while."""

import importlib
import math
from collections import Counter

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch
from chainrule.doctor.facts import Look
from chainrule.doctor.measures import BINNED, spread_and_histogram
from chainrule.doctor.reasoning import symptoms
from tests.doctor.test_checks import at, epochs, look, record, spread
from tests.support.set_up_data import digits

LATE = 120  # step at which something goes wrong
STEPS_OF_EPOCH = 39


def codes(r):
    return [finding.code for finding in symptoms(r)[0]]


# -- facts made by hand ---------------------------------------------------------------------


def test_inputs_that_grow_while_training():
    late = {"data__inputs": spread(low=0.0, high=255.0), "looks": at(0.1)}
    assert codes(record(**late)) == []  # as they were at the first step, which it survived
    assert codes(record(data__first_inputs=spread(low=0.0, high=30.0), **late)) == []
    found = symptoms(record(data__first_inputs=spread(low=0.0, high=1.0), **late))[0]
    assert [finding.code for finding in found] == ["D12"]
    assert "those of the first step reached 1" in found[0].evidence
    learned = record([2.3] * 20 + [0.5] * 40, data__first_inputs=spread(high=1.0), **late)
    assert codes(learned) == []


def test_batches_that_are_not_shuffled_any_more():
    mixed, sorted_ones = [(9, 32)] * 10, [(1, 32)] * 10
    assert codes(record(data__batch_classes=mixed, data__latest_classes=mixed)) == []
    late = record(data__batch_classes=mixed, data__latest_classes=sorted_ones)
    assert codes(late) == ["D24"]


def test_what_is_forgotten_on_the_training_samples_too_is_no_overfitting():
    validation = [1.0, 0.5] + [1.4] * 6
    memorizes = record(epochs=epochs(0.95, *validation), looks=at(0.95))
    assert codes(memorizes) == ["D27"]
    forgets = record(epochs=epochs(0.95, *validation), looks=at(0.95))
    for epoch in forgets.epochs[:2]:
        epoch.train_loss = 0.4
    assert codes(forgets) == []


def imbalanced(counts, supports, **facts):
    r = record(
        data__class_counts=Counter(counts),
        loss__input_shape=(32, 2),
        epochs=epochs(0.3, 0.4, 0.4, 0.4),
        looks=at(0.95),
        **facts,
    )
    r.epochs[-1].supports, r.epochs[-1].recalls = supports, {0: 1.0, 1: 0.0}
    return r


def test_a_class_too_rare_for_few_batches_shows_in_validation():
    few = {0: 59, 1: 5}  # of which chance may have left out some
    assert codes(imbalanced(few, {0: 970, 1: 30})) == ["D32"]
    assert codes(imbalanced(few, {0: 60, 1: 6})) == []
    balanced = {0: 30, 1: 30}
    assert codes(imbalanced(balanced, {0: 970, 1: 30})) == []  # a sampler makes it so


def test_rare_symbols_of_a_text_are_no_fault():
    counts, supports = {0: 900, 1: 9}, {0: 970, 1: 30}
    assert codes(imbalanced(counts, supports)) == ["D32"]
    assert codes(imbalanced(counts, supports, wiring__vocabularies={2})) == []
    assert codes(imbalanced(counts, supports, wiring__vocabularies={5000})) == ["D32"]


def vanished(kept, accuracy, step=200):
    seen = [look(0), look(step)]
    for layer in seen[1].layers.values():
        layer.weight_norm = kept * 5.0
    seen[1].accuracy = accuracy
    return record([40.0] * 20 + [2.3] * 180, looks=seen, step=step, loss__known=False)


def test_weights_that_a_penalty_in_the_loss_takes_away():
    found = symptoms(vanished(0.01, accuracy=0.1))[0]
    assert [finding.code for finding in found] == ["D28"]
    assert "a penalty in the loss" in found[0].cause
    assert codes(vanished(0.5, accuracy=0.1)) == []
    assert codes(vanished(0.01, accuracy=0.9)) == []
    assert codes(vanished(0.01, accuracy=0.1, step=30)) == []


def test_growing_weights_of_which_no_step_was_measured():
    seen = [Look(0, 2.3), Look(50, 2.3)]
    for each, size in zip(seen, (5.0, 5000.0), strict=True):
        each.layers = dict(look(0).layers)
        for layer in each.layers.values():
            layer.weight_norm = size
    assert "D18" not in codes(record([2.3] * 60, looks=seen))


@pytest.mark.parametrize("value", [0.0, 1.0, -3e30, 1e300])
def test_a_histogram_of_equal_numbers(value):
    found, histogram = spread_and_histogram(np.full(100, value))
    assert sum(histogram["counts"]) == 100
    assert (found.low, found.high) == (value, value)


def test_a_histogram_of_numbers_that_fill_their_type():
    x = np.resize([-1.7e308, 1.7e308], BINNED // 2)
    assert sum(spread_and_histogram(x)[1]["counts"]) == x.size


# -- trainings --------------------------------------------------------------------------------


def trained(change, *, compiled, width=40, lr=0.1, epochs=7, loss=F.cross_entropy):
    """Digits; `change(step, x, y, learner)` returns the batch. The codes of what was found."""
    cr.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y, vx, vy = digits()
    net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    learner = cr.optim.SGD(net.parameters(), lr=lr)

    def step(a, b):
        learner.zero_grad()
        value = loss(net(a), b) if loss is F.cross_entropy else loss(net, a, b)
        value.backward()
        learner.step()
        return value

    run, number = cr.compile(step, engine="reference") if compiled else step, 0
    with watch(net, learner, tell=lambda finding: None) as doctor:
        for _ in range(epochs):
            order = rng.permutation(len(x))[: STEPS_OF_EPOCH * 32].reshape(-1, 32)
            for rows in order:
                batch = change(number, x, y, rows, learner)
                run(*map(cr.tensor, batch))
                number += 1
            net.eval()
            with cr.no_grad():
                F.cross_entropy(net(cr.tensor(vx)), cr.tensor(vy))
            net.train()
    return [finding.code for finding in doctor.findings]


def as_it_is(number, x, y, rows, learner):
    return x[rows], y[rows]


def decays(number, x, y, rows, learner):
    if number == LATE:
        learner.param_groups[0]["weight_decay"] = 2.0
    return x[rows], y[rows]


def grows(number, x, y, rows, learner):
    return x[rows] * np.float32(255.0 if number >= LATE else 1.0), y[rows]


def is_sorted(number, x, y, rows, learner):
    """From the second epoch on."""
    if number < STEPS_OF_EPOCH:
        return x[rows], y[rows]
    begin = number % STEPS_OF_EPOCH * 32
    rows = np.argsort(y, kind="stable")[begin : begin + 32]
    return x[rows], y[rows]


def loses_a_number(number, x, y, rows, learner):
    batch = x[rows].copy()
    batch[3, 7] = math.nan
    return batch, y[rows]


def penalized(net, a, b):
    return F.cross_entropy(net(a), b) + 0.5 * sum((p * p).sum() for p in net.parameters())


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        (as_it_is, {}, []),
        (decays, {}, ["D28"]),
        (grows, {}, ["D12"]),
        (is_sorted, {"lr": 0.3}, ["D24"]),
        (loses_a_number, {"epochs": 1}, ["D11"]),
        (as_it_is, {"loss": penalized}, ["D28"]),
    ],
)
def test_it_is_found_whenever_it_comes(change, options, expected, compiled):
    found = trained(change, compiled=compiled, **options)
    assert found[:1] == expected


def test_a_check_that_fails_does_not_end_the_training(monkeypatch):
    without = trained(as_it_is, compiled=False, epochs=1)

    def mistaken(record):
        raise IndexError("a mistake")

    watching = importlib.import_module("chainrule.doctor.watch")
    monkeypatch.setattr(watching, "symptoms", mistaken)
    with pytest.warns(UserWarning, match="goes on without it: IndexError: a mistake") as told:
        assert trained(as_it_is, compiled=False, epochs=1) == without == []
    assert len(told) == 1


@pytest.mark.parametrize("where", ["begins", "loss", "results"])
@pytest.mark.parametrize("compiled", [False, True])
def test_an_evaluation_that_is_not_understood_does_not_end_the_training(
    monkeypatch, where, compiled
):
    def mistaken(*_, **__):
        raise ValueError("a mistake")

    monkeypatch.setattr(f"chainrule.doctor.evaluations.Evaluations.{where}", mistaken)
    net = nn.Linear(4, 3)
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    x, y = cr.randn(8, 4), cr.tensor([0, 1, 2, 0, 1, 2, 0, 1])

    def score(a, b):
        return F.cross_entropy(net(a), b)

    run = cr.compile(score, engine="reference") if compiled else score
    reached = where == "begins" or (where == "results") is compiled
    with watch(net, learner, tell=lambda finding: None), cr.no_grad():
        if not reached:
            run(x, y)
            return
        with pytest.warns(UserWarning, match="goes on without it: ValueError: a mistake"):
            for _ in range(2):
                assert math.isfinite(run(x, y).item())
