"""lr_find on real trainings: good rates, nothing left behind, clear errors."""

import copy
import traceback

import numpy as np
import pytest
from whole_state import whole_state

import chainrule as cr
from chainrule import nn, observers, optim
from chainrule.data.digits import digits
from chainrule.doctor.tools import lr_find
from chainrule.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    GradientError,
    ModuleError,
)
from chainrule.utils.data import DataLoader

LOSS = nn.CrossEntropyLoss()


@pytest.fixture(scope="module")
def train():
    return digits()[0]


@pytest.fixture(autouse=True)
def _seed():
    cr.manual_seed(0)


def network(*middle):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), *middle, nn.ReLU(), nn.Linear(32, 10))


def accuracy_after(train, optimizer_of, rate, epochs=6):
    cr.manual_seed(0)
    model = network()
    optimizer = optimizer_of(model.parameters(), lr=rate)
    for _ in range(epochs):
        for x, y in DataLoader(train, 64, shuffle=True):
            optimizer.zero_grad()
            LOSS(model(x), y).backward()
            optimizer.step()
    x, y = next(iter(DataLoader(train, 1000)))
    return (model(x).argmax(1) == y).float().mean().item()


@pytest.mark.parametrize("optimizer_of", [optim.SGD, optim.Adam])
def test_the_suggested_rate_trains_well(train, optimizer_of):
    model = network()
    optimizer = optimizer_of(model.parameters(), lr=1e-3)
    found = lr_find(model, LOSS, optimizer, DataLoader(train, 32, shuffle=True))
    assert accuracy_after(train, optimizer_of, found.suggestion) > 0.85
    assert accuracy_after(train, optimizer_of, found.suggestion / 300) < 0.7


@pytest.mark.parametrize("compile", [False, True])
def test_nothing_is_changed(train, compile):
    model = network(nn.BatchNorm1d(32), nn.Dropout(0.3)).eval()
    optimizer = optim.Adam(
        [{"params": model[1].parameters(), "lr": 0.1}, {"params": model[-1].parameters()}]
    )
    loader = DataLoader(train, 32, shuffle=True, generator=cr.Generator().manual_seed(3))
    batches = iter(loader)
    x, y = next(batches)
    LOSS(model(x), y).backward()
    optimizer.step()
    before, upcoming = whole_state(model, optimizer, loader), copy.deepcopy(loader.state_dict())
    lr_find(model, LOSS, optimizer, loader, steps=20, compile=compile)
    assert whole_state(model, optimizer, loader) == before
    again = DataLoader(train, 32, shuffle=True, generator=cr.Generator())
    again.load_state_dict(upcoming)
    assert next(batches)[1].tolist() == next(iter(again))[1].tolist()


def test_compiled_steps_and_models_see_the_same_curve(train):
    loader, model = DataLoader(train, 32), network()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    eager = lr_find(model, LOSS, optimizer, loader, steps=30)
    step = lr_find(model, LOSS, optimizer, loader, steps=30, compile=True)
    whole = lr_find(cr.compile(model), LOSS, optimizer, loader, steps=30)
    for other in (step, whole):
        assert other.losses[:20] == pytest.approx(eager.losses[:20], rel=1e-3)


def test_groups_keep_the_ratio_of_their_rates(train):
    rates, count = np.zeros((10, 2)), []  # an array is no object that is put back

    class Watching(optim.SGD):
        def step(self, closure=None):
            rates[len(count)] = [group["lr"] for group in self.param_groups]
            count.append(1)
            return super().step(closure)

    model = network()
    optimizer = Watching(
        [{"params": model[1].parameters(), "lr": 0.01}, {"params": model[-1].parameters()}],
        lr=0.1,
    )
    lr_find(model, LOSS, optimizer, DataLoader(train, 32), steps=10, low=1e-6, high=1e-3)
    assert rates[:, 1] == pytest.approx(np.geomspace(1e-6, 1e-3, 10))
    assert rates[:, 0] == pytest.approx(rates[:, 1] / 10)
    assert count == []
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.1]


def test_batches_begin_again_and_an_iterator_is_reported(train):
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    few = [next(iter(DataLoader(train, 64)))]
    assert len(lr_find(model, LOSS, optimizer, few, steps=12, high=0.01).losses) == 12
    found = lr_find(model, LOSS, optimizer, iter(few * 3), steps=12, high=0.01)
    assert len(found.losses) == 12 and "cannot be put back" in found.notes[0]


def test_the_loss_of_other_batches_is_said_by_the_caller(train):
    x, y = next(iter(DataLoader(train, 64)))
    model = network()
    optimizer = optim.Adam(model.parameters())
    batch = {"image": x, "label": y}
    found = lr_find(
        model, None, optimizer, [batch], loss_of=lambda b: LOSS(model(b["image"]), b["label"])
    )
    assert 1e-4 < found.suggestion < 0.1


def test_a_model_that_cannot_learn_is_refused(train):
    found = lr_find(
        model := network(nn.BatchNorm1d(32)), lambda y, t: LOSS(y, t) * 0 + 2.3,
        optim.SGD(model.parameters(), lr=0.1), DataLoader(train, 32),
    )  # fmt: skip
    assert found.suggestion is None and "hardly fell" in found.reason


def test_observers_hear_nothing_of_it(train):
    heard = []

    class Ear(observers.Observer):
        def backward_begins(self, root):
            heard.append(root)

    ear = Ear()
    observers.present.append(ear)
    try:
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        lr_find(model, LOSS, optimizer, DataLoader(train, 32), steps=10)
        assert heard == [] and observers.present == [ear]
    finally:
        observers.present.remove(ear)


def test_what_the_model_raises_comes_through_and_all_is_put_back(train):
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls > 3:
                raise KeyError("the user's own error")
            return self.inner(x)

    model = Breaks().eval()
    optimizer = optim.Adam(model.parameters())
    before = whole_state(model, optimizer)
    with pytest.raises(KeyError, match="the user's own error") as caught:
        lr_find(model, LOSS, optimizer, DataLoader(train, 32))
    assert "self.calls > 3" not in str(caught.value)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "forward"
    assert whole_state(model, optimizer) == before and model.calls == 0


def test_wrong_use_has_clear_errors(train):
    model, loader = network(), DataLoader(train, 32)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x, _ = next(iter(loader))
    others = optim.SGD(network().parameters(), lr=0.1)
    none = optim.SGD(network().requires_grad_(False).parameters(), lr=0.1)
    lbfgs = optim.LBFGS(model.parameters())
    each = nn.CrossEntropyLoss(reduction="none")
    for code, kind, call in [
        ("CR830", DataError, lambda: lr_find(model, LOSS, optimizer, [])),
        ("CR831", DataError, lambda: lr_find(model, LOSS, optimizer, [x])),
        ("CR832", ArgumentTypeError, lambda: lr_find(model, each, optimizer, loader)),
        ("CR832", ArgumentTypeError, lambda: lr_find(model, lambda *_: 1.0, optimizer, loader)),
        ("CR833", GradientError,
         lambda: lr_find(model, lambda a, b: LOSS(a.detach(), b), optimizer, loader)),
        ("CR834", ArgumentError, lambda: lr_find(model, LOSS, others, loader)),
        ("CR834", ArgumentError, lambda: lr_find(model, LOSS, none, loader)),
        ("CR834", ArgumentError, lambda: lr_find(model, LOSS, model, loader)),
        ("CR835", ArgumentError, lambda: lr_find(model, LOSS, optimizer, loader, low=11)),
        ("CR835", ArgumentError, lambda: lr_find(model, LOSS, optimizer, loader, steps=3)),
        ("CR836", ArgumentTypeError, lambda: lr_find(len, LOSS, optimizer, loader)),
        ("CR837", ModuleError, lambda: lr_find(nn.LazyLinear(3), LOSS, optimizer, loader)),
        ("CR834", ArgumentError, lambda: lr_find(model, LOSS, lbfgs, loader)),
    ]:  # fmt: skip
        with pytest.raises(kind, match=code):
            call()
