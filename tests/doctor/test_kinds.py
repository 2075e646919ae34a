"""Faults of recurrent networks, adversaries, agents and heads, each with its healthy twin."""

import numpy as np
import pytest
from set_up_data import digits
from sick_trainings import mlp

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch
from chainrule.doctor.likelihood import makes_unlikely

PAIRS = {}


def pair(code):
    """A decorator: the function runs the loop inside `watched`, sick or healthy."""

    def decorate(function):
        PAIRS[f"{code}-{function.__name__}"] = (code, function)
        return function

    return decorate


class Watched:
    """Collects what the doctors of one training say; runs its steps eagerly or compiled."""

    def __init__(self, compiled):
        self.compiled, self.doctors, self.told = compiled, [], []

    def __call__(self, model, *optimizers):
        self.doctors.append(watch(model, *optimizers, tell=self.told.append))

    def step(self, function):
        return cr.compile(function) if self.compiled else function


def first_codes(function, sick, compiled):
    """The first finding of each doctor."""
    cr.manual_seed(0)
    watched = Watched(compiled)
    function(watched, sick)
    for doctor in watched.doctors:
        doctor.diagnose()
        doctor.close()
    return [doctor.findings[0].code for doctor in watched.doctors if doctor.findings]


def batches(*arrays, size=16, steps=60):
    rng = np.random.default_rng(0)
    tensors = [cr.tensor(a) for a in arrays]
    for _ in range(steps):
        rows = cr.tensor(rng.integers(0, len(arrays[0]), size))
        yield tuple(t[rows] for t in tensors)


def fit(watched, model, optimizer, loss, *arrays, steps=60):
    watched(model, optimizer)

    def step(x, y):
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value

    run = watched.step(step)
    for x, y in batches(*arrays, steps=steps):
        run(x, y)


def adam(*modules, lr=3e-3):
    return cr.optim.Adam([p for m in modules for p in m.parameters()], lr)


def words(length, n=400, at=-1, classes=3):
    """Sequences of ids whose class one of them names."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(classes, 12, (n, length)), rng.integers(0, classes, n)
    x[:, at] = y
    return x, y


def wave(n=400, length=20):
    t = np.arange(n + length) / 5
    s = np.sin(t).astype(np.float32)
    return np.stack([s[i : i + length] for i in range(n)])[..., None], s[length:, None]


class Reader(nn.Module):
    """Reads ids and answers from its last state."""

    def __init__(self, layer=nn.RNN, cut=False, **options):
        super().__init__()
        self.embedding = nn.Embedding(12, 24)
        self.recurrent = layer(24, 16, batch_first=True, **options)
        self.head = nn.Linear(16, 3)
        self.cut = cut

    def forward(self, x):
        y = self.recurrent(self.embedding(x))[0]
        return self.head((y.detach() if self.cut else y)[:, -1])


class Forecaster(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.recurrent, self.head = layer(1, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def orthogonal(weight, times):
    nn.init.orthogonal_(weight)
    with cr.no_grad():
        weight.mul_(times)


# -- recurrent networks ------------------------------------------------------------------------


@pair("D17")
def explodes_through_time(watched, sick):
    model = Reader(nonlinearity="relu")
    orthogonal(model.recurrent.weight_hh_l0, 3.0 if sick else 1.0)
    fit(watched, model, adam(model), F.cross_entropy, *words(24))


@pair("D17")
def explodes_behind_a_bounded_function(watched, sick):
    model = Reader()
    orthogonal(model.recurrent.weight_hh_l0, 4.0 if sick else 1.0)
    optimizer = cr.optim.SGD(model.parameters(), 0.1)
    fit(watched, model, optimizer, F.cross_entropy, *words(40, at=0))


class OwnCell(nn.Module):
    def __init__(self, times):
        super().__init__()
        self.cell, self.head = nn.Linear(12, 8), nn.Linear(8, 1)
        with cr.no_grad():
            self.cell.weight.mul_(times)

    def forward(self, x):
        h = x.new_zeros(len(x), 8)
        for t in range(x.shape[1]):
            h = self.cell(cr.cat([h, x[:, t]], 1)).relu()
        return self.head(h)


@pair("D17")
def explodes_in_a_loop_of_ones_own(watched, sick):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (400, 24, 4)).astype(np.float32)
    model = OwnCell(6.0 if sick else 1.5)
    fit(watched, model, cr.optim.SGD(model.parameters(), 0.02), F.mse_loss, x, x[:, -1, :1])


@pair("D20")
def read_too_long_ago(watched, sick):
    model = Reader()
    data = words(40, at=0 if sick else -1)
    fit(watched, model, adam(model), F.cross_entropy, *data, steps=160)


@pair("D22")
def saturated_through_time(watched, sick):
    model = Reader()
    nn.init.normal_(model.recurrent.weight_ih_l0, std=4.0 if sick else 0.3)
    fit(watched, model, adam(model, lr=1e-4 if sick else 3e-3), F.cross_entropy, *words(12))


@pair("D21")
def dead_through_time(watched, sick):
    model = Reader(nonlinearity="relu")
    with cr.no_grad():
        model.recurrent.bias_ih_l0.fill_(-6.0 if sick else 0.0)
    fit(watched, model, adam(model), F.cross_entropy, *words(12))


@pair("D12")
def gates_that_large_inputs_shut(watched, sick):
    x, y = wave()
    model = Forecaster(nn.LSTM)
    fit(watched, model, adam(model), F.mse_loss, 1000 * x + 2e4 if sick else x, y)


@pair("D04")
def the_last_state_is_detached(watched, sick):
    model = Reader(nn.GRU, cut=sick)
    fit(watched, model, adam(model), F.cross_entropy, *words(12))


@pair("D02")
def embedding_left_out(watched, sick):
    model = Reader(nn.GRU)
    optimizer = adam(model.recurrent, model.head) if sick else adam(model)
    fit(watched, model, optimizer, F.cross_entropy, *words(12))


# -- heads, adversaries, agents ----------------------------------------------------------------


@pair("D02")
def a_head_that_nobody_moves(watched, sick):
    body, head = mlp(64, 32, 16), nn.Linear(16, 10)
    optimizer = adam(body) if sick else adam(body, head)
    watched(body, optimizer)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(head(body(x).relu()), y)
        loss.backward()
        optimizer.step()
        return loss

    run = watched.step(step)
    for x, y in batches(*digits()[:2]):
        run(x, y)


@pair("D04")
def fakes_are_detached_for_the_generator_too(watched, sick):
    maker, judge = mlp(4, 16, 2), mlp(2, 16, 1)
    first, second = adam(maker), adam(judge)
    watched(maker, first)
    watched(judge, second)
    loss, ones, zeros = nn.BCEWithLogitsLoss(), cr.ones(16, 1), cr.zeros(16, 1)
    rng = np.random.default_rng(0)
    for _ in range(60):
        real = cr.tensor(rng.normal(1, 0.3, (16, 2)).astype(np.float32))
        fake = maker(cr.randn(16, 4))
        second.zero_grad()
        (loss(judge(real), ones) + loss(judge(fake.detach()), zeros)).backward()
        second.step()
        first.zero_grad()
        loss(judge(fake.detach() if sick else fake), ones).backward()
        first.step()


class Agent(nn.Module):
    """Estimates values, with an older copy of itself that it looks ahead with."""

    def __init__(self):
        super().__init__()
        self.values, self.older = mlp(4, 16, 2), mlp(4, 16, 2)
        self.older.load_state_dict(self.values.state_dict())

    def forward(self, x):
        return self.values(x)


@pair("D18")
def values_that_estimate_themselves(watched, sick):
    """Where steps are too large targets grow, too; the data is not to blame for that."""
    agent = Agent()
    optimizer = adam(agent.values, lr=3.0 if sick else 1e-3)
    watched(agent, optimizer)
    rng = np.random.default_rng(0)

    def step(x, reward):
        with cr.no_grad():
            target = reward + 0.95 * agent.older(x).max(1).values
        optimizer.zero_grad()
        loss = F.smooth_l1_loss(agent(x)[:, 0], target)
        loss.backward()
        optimizer.step()
        return loss

    run = watched.step(step)
    for i in range(100):
        x = rng.normal(0, 1, (16, 4)).astype(np.float32)
        run(cr.tensor(x), cr.tensor((x[:, 0] > 0).astype(np.float32)))
        if i % 10 == 0:
            agent.older.load_state_dict(agent.values.state_dict())


@pair("D10")
def log_probabilities_without_a_minus(watched, sick):
    def loss(outputs, labels):
        mean = F.log_softmax(outputs, dim=1).gather(1, labels.unsqueeze(1)).mean()
        return mean if sick else -mean

    model = mlp(64, 32, 10)
    fit(watched, model, adam(model), loss, *digits()[:2])


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.box, self.label = mlp(64, 32, 32), nn.Linear(32, 4), nn.Linear(32, 10)

    def forward(self, x):
        h = self.body(x).relu()
        return self.box(h), self.label(h)


@pair("D14")
def boxes_in_pixels_beside_labels(watched, sick):
    x, y, _, _ = digits()
    boxes = np.random.default_rng(0).uniform(0, 1, (len(x), 4)).astype(np.float32)
    model = TwoHeads()
    optimizer = cr.optim.SGD(model.parameters(), 0.01)
    watched(model, optimizer)

    def step(a, labels, places):
        optimizer.zero_grad()
        box, label = model(a)
        loss = F.cross_entropy(label, labels) + F.mse_loss(box, places)
        loss.backward()
        optimizer.step()
        return loss

    run = watched.step(step)
    for batch in batches(x, y, 600 * boxes if sick else boxes):
        run(*batch)


@pair("D02")
def nobody_steps(watched, sick):
    model = mlp(64, 32, 10)
    optimizer = adam(model)
    watched(model, optimizer)
    for i, (x, y) in enumerate(batches(*digits()[:2])):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        if not sick and i % 10 == 9:  # many attempts for one step are no fault
            optimizer.step()


#: every third is compiled in the usual run
COMPILED = [
    pytest.param(name, True, id=f"{name}-compiled", marks=pytest.mark.slow if i % 3 else ())
    for i, name in enumerate(sorted(PAIRS))
]
EAGER = [pytest.param(name, False, id=f"{name}-eager") for name in sorted(PAIRS)]


@pytest.mark.parametrize(("name", "compiled"), [*EAGER, *COMPILED])
def test_the_sick_one(name, compiled):
    code, function = PAIRS[name]
    assert code in first_codes(function, True, compiled)


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_its_healthy_twin(name):
    assert first_codes(PAIRS[name][1], False, compiled=False) == []


class Cosine(nn.Module):
    """Answers by cosines of the angle to each class, thirty times."""

    def __init__(self):
        super().__init__()
        self.body, self.classes = mlp(64, 32, 16), nn.Parameter(cr.randn(10, 16))

    def forward(self, x):
        scores = F.linear(F.normalize(self.body(x)), F.normalize(self.classes))
        return 30 * scores


def test_scores_times_a_number_are_no_bad_weights():
    def run(watched, sick):
        model = Cosine()
        fit(watched, model, adam(model), F.cross_entropy, *digits()[:2], steps=30)

    assert first_codes(run, False, compiled=False) == []


def test_a_policy_that_steps_too_far_is_seen_though_its_loss_is_no_measure():
    def run(watched, sick):
        policy = mlp(4, 32, 2)
        optimizer = adam(policy, lr=2.0)
        watched(policy, optimizer)
        rng = np.random.default_rng(0)
        for _ in range(60):
            states = rng.normal(0, 1, (50, 4)).astype(np.float32)
            log_p = F.log_softmax(policy(cr.tensor(states)), dim=1)
            share = log_p.exp().detach().numpy()[:, 1]
            actions = (rng.uniform(size=50) < share).astype(np.int64)
            gain = (actions == (states[:, 0] > 0)).astype(np.float32)
            chosen = log_p[cr.arange(50), cr.tensor(actions)]
            optimizer.zero_grad()
            (-(chosen * cr.tensor(gain - gain.mean())).mean()).backward()
            optimizer.step()

    assert first_codes(run, True, compiled=False) == ["D18"]


@pytest.mark.parametrize("critics", [1e-3, 5.0])
def test_of_two_optimizers_the_one_that_goes_too_far_is_named(critics):
    cr.manual_seed(0)
    maker, judge = mlp(4, 16, 2), mlp(2, 16, 1)
    first, second = adam(maker, lr=1e-3), adam(judge, lr=critics)
    loss, ones, zeros = nn.BCEWithLogitsLoss(), cr.ones(16, 1), cr.zeros(16, 1)
    told = []
    with watch(nn.ModuleList([maker, judge]), first, second, tell=told.append):
        for _ in range(40):
            fake = maker(cr.randn(16, 4))
            second.zero_grad()
            (
                loss(judge(cr.randn(16, 2) + 1), ones) + loss(judge(fake.detach()), zeros)
            ).backward()
            second.step()
            first.zero_grad()
            loss(judge(fake), ones).backward()
            first.step()
    assert [(f.code, "lr=5 " in f.cause) for f in told] == [("D18", True)] * (critics > 1)


def test_the_shadow_of_one_watch_is_no_step_for_another():
    cr.manual_seed(0)
    maker, judge = mlp(4, 16, 2), mlp(2, 16, 1)
    first, second = adam(maker, lr=1e-3), adam(judge, lr=1e-3)
    loss, ones, zeros = nn.BCEWithLogitsLoss(), cr.ones(16, 1), cr.zeros(16, 1)

    def step(real, noise):
        second.zero_grad()
        loss(judge(real), ones).backward()
        fake = maker(noise)
        loss(judge(fake.detach()), zeros).backward()
        second.step()
        first.zero_grad()
        value = loss(judge(fake), ones)
        value.backward()
        first.step()
        return value

    run = cr.compile(step, engine="reference")
    told = []
    with watch(maker, first, tell=told.append) as one, watch(judge, second) as other:
        for _ in range(40):
            run(cr.randn(16, 2), cr.randn(16, 4))
    assert (one.record.step, other.record.step) == (40, 40)
    assert told == other.findings == []


LOGITS, LABELS = cr.zeros(4, 3, requires_grad=True), cr.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (lambda p: p.gather(1, LABELS.unsqueeze(1)).mean(), True),
        (lambda p: -p.gather(1, LABELS.unsqueeze(1)).mean(), False),
        (lambda p: p[cr.arange(4), LABELS].sum() / -4, False),
        (lambda p: (F.one_hot(LABELS, 3).float() * p).sum(1).mean(), True),
        (lambda p: (p * cr.randn(4, 3)).mean(), False),  # of policy gradients
        (lambda p: p.exp().mean(), False),
    ],
)
def test_which_formulas_make_the_true_answers_unlikely(formula, expected):
    assert makes_unlikely(formula(F.log_softmax(LOGITS, dim=1))) is expected
    probabilities = F.softmax(LOGITS, dim=1)
    assert makes_unlikely(formula(probabilities.log())) is expected


def test_targets_of_several_heads_are_not_mixed_up():
    def run(watched, sick):
        model = TwoHeads()
        optimizer = adam(model)
        watched(model, optimizer)
        for x, y in batches(*digits()[:2]):
            optimizer.zero_grad()
            box, label = model(x)
            even = (y % 2 == 0).float()
            bits = F.binary_cross_entropy_with_logits(box[:, 0], even)
            (F.cross_entropy(label, y) + bits).backward()
            optimizer.step()

    assert first_codes(run, False, compiled=False) == []
