"""What programs do in their steps, with a doctor and without: nothing may differ."""

import collections
import contextlib
import random
import types

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.autograd import Function
from chainrule.doctor import watch
from chainrule.nn.utils import parametrizations
from chainrule.optim import swa_utils
from tests.support.observed import X, Y, whole_state

ENGINES = [None, "reference"]


def run(build, *, watched, engine, steps=70):
    """What `build` makes, trained: the state of everything that it has."""
    cr.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    net, learner, step, more = build()
    run_step = step if engine is None else cr.compile(step, engine=engine)
    tell = watch(net, learner, tell=lambda f: None) if watched else contextlib.nullcontext()
    losses = []
    with tell as doctor:
        for i in range(steps):
            rows = slice(i % 6 * 32, i % 6 * 32 + 32)
            x, y = cr.tensor(X[rows]), cr.tensor(Y[rows])
            if doctor is not None and i % 10 == 5:
                doctor.schedule.hasten(doctor.record.step)
                doctor.wake()
            losses.append(run_step(x, y).item())
        if doctor is not None:
            doctor.probe()
            doctor.verify()
    state = whole_state(net, learner, losses)
    return state, random.random(), more(), doctor


def simple(net=None, *, wrap=lambda loss: loss, more=lambda: None, rate=0.05):
    """A training of one network; `wrap` is done with its loss."""
    net = net or nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    learner = cr.optim.SGD(net.parameters(), lr=rate, momentum=0.9)

    def step(x, y):
        learner.zero_grad()
        loss = wrap(F.cross_entropy(net(x), y))
        loss.backward()
        learner.step()
        return loss

    return net, learner, step, more


class Slotted:
    __slots__ = ("count", "last")

    def __init__(self):
        self.count = 0


class Drawing(nn.Module):
    """Draws from generators of chainrule's, and keeps running numbers."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.own = cr.Generator().manual_seed(1)
        self.register_buffer("mean", cr.zeros(3))

    def forward(self, x):
        y = self.layer(x + 0.01 * cr.randn(x.shape, generator=self.own)) + cr.rand(3)
        with cr.no_grad():
            self.mean.mul_(0.9).add_(0.1 * y.detach().mean(0))
        return y

    def more(self):
        return self.own.get_state().tolist()


class Keeping(Drawing):
    """Also does what a compiled function refuses: draws elsewhere, and keeps books."""

    calls = 0

    def __init__(self):
        super().__init__()
        self.space, self.books = types.SimpleNamespace(count=0), collections.UserDict(count=0)
        self.log = collections.deque(maxlen=3)
        self.slotted = Slotted()
        self.streams = random.Random(3), np.random.default_rng(3), np.random.RandomState(3)

    def forward(self, x):
        def inner():
            global COUNT
            COUNT += 1

        inner()
        Keeping.calls += 1
        self.space.count += 1
        self.slotted.count += 1
        self.books["count"] += 1
        self.log.append(self.books["count"])
        if random.random() < 0.5 and np.random.rand() < 0.9:
            x = x.relu()
        a, b, c = self.drawn()
        return super().forward(x) + 0.1 * (a + b) * c

    def drawn(self):
        first, second, third = self.streams
        return first.random(), second.random(), third.rand()

    def more(self):
        kept = self.space.count, self.books["count"], list(self.log), Keeping.calls, COUNT
        return kept, self.slotted.count, self.drawn(), super().more()


def drawing(rate=0.05, kind=Drawing):
    global COUNT
    COUNT = Keeping.calls = 0
    net = kind()
    return simple(net, more=net.more, rate=rate)


class Doubling(Function):
    """A function with a derivative of its own, and side effects."""

    seen = 0

    @staticmethod
    def forward(ctx, x):
        Doubling.seen += 1
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        Doubling.seen += 10
        return 2 * g


def own_function():
    Doubling.seen = 0
    return simple(wrap=Doubling.apply, more=lambda: Doubling.seen, rate=0.01)


def normed():
    net = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(6, 8)),
        nn.ReLU(),
        parametrizations.spectral_norm(nn.Linear(8, 3)),
    )
    return simple(net)


def scheduled():
    net, learner, step, _ = simple()
    schedule = cr.optim.lr_scheduler.OneCycleLR(learner, 0.1, total_steps=80)

    def whole(x, y):
        loss = step(x, y)
        schedule.step()
        return loss

    return net, learner, whole, lambda: str(schedule.state_dict())


def averaged():
    net, learner, step, _ = simple(
        nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    )
    average = swa_utils.AveragedModel(net, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))

    def whole(x, y):
        loss = step(x, y)
        average.update_parameters(net)
        return loss

    def more():
        batches = [(cr.tensor(X[i : i + 32]), 0) for i in range(0, 96, 32)]
        swa_utils.update_bn(batches, average)
        return {name: value.tolist() for name, value in average.state_dict().items()}

    return net, learner, whole, more


BOTH = {
    "generators": drawing,
    "generators, in a trial": lambda: drawing(rate=1e3),
    "weight and spectral norm": normed,
    "averages": averaged,
}
EAGER = {
    "books": lambda: drawing(kind=Keeping),
    "books, in a trial": lambda: drawing(rate=1e3, kind=Keeping),
    "a function of one's own": own_function,
    "a schedule": scheduled,
}
CASES = [(name, engine) for name in BOTH for engine in ENGINES]
CASES += [(name, None) for name in EAGER]


@pytest.mark.parametrize(("name", "engine"), CASES)
def test_what_a_step_does_besides_is_done_as_often(name, engine):
    build = (BOTH | EAGER)[name]
    without, with_one = (run(build, watched=w, engine=engine) for w in (False, True))
    assert with_one[:3] == without[:3]
    doctor = with_one[3]
    assert len(doctor.record.looks) > 7
    if "trial" in name:
        assert any(finding.verified is not None for finding in doctor.findings)


@pytest.mark.parametrize("optimizer", ["LBFGS", "SGD"])
def test_steps_with_a_closure_are_looked_at(optimizer):
    def build():
        net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        learner = getattr(cr.optim, optimizer)(net.parameters(), lr=0.1)
        whole = cr.tensor(X), cr.tensor(Y)

        def step(*_):
            x, y = whole

            def closure():
                learner.zero_grad()
                loss = F.cross_entropy(net(x), y)
                loss.backward()
                return loss

            return learner.step(closure)

        return net, learner, step, lambda: None

    without, with_one = (run(build, watched=w, engine=None, steps=20) for w in (False, True))
    assert with_one[:3] == without[:3]
    record = with_one[3].record
    assert record.step == 20
    first = record.looks[0]
    assert first.gradient_norm > 0
    assert first.update_ratio > 0
    assert first.moved == 1
    assert first.layers["1"].activation is not None
    assert record.wiring.stale_steps == 0
    assert with_one[3].findings == []


@pytest.mark.parametrize("engine", ENGINES)
def test_lazy_layers_get_their_shapes_as_without(engine):
    def build():
        layers = nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3)
        return simple(nn.Sequential(*layers))

    without, with_one = (run(build, watched=w, engine=engine) for w in (False, True))
    assert with_one[:3] == without[:3]
    assert with_one[3].record.looks[0].layers["0"].update_ratio > 0
    assert with_one[3].findings == []


def test_workers_of_a_loader_give_the_same_batches():
    def losses(watched):
        cr.manual_seed(0)
        net, learner, step, _ = simple()
        data = cr.data.TensorDataset(cr.tensor(X), cr.tensor(Y))
        loader = cr.data.DataLoader(data, 32, shuffle=True, num_workers=1)
        tell = watch(net, learner, tell=lambda f: None) if watched else contextlib.nullcontext()
        with tell:
            return [step(x, y).item() for _ in range(2) for x, y in loader]

    assert losses(True) == losses(False)
