"""What looks and glances see, and what they leave alone."""

import contextlib
import math

import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import Watch, watch
from chainrule.doctor import schedule as schedules
from chainrule.doctor.facts import LayerFacts, Look
from chainrule.doctor.glance import is_alarming
from chainrule.doctor.inside import Inside
from tests.support.observed import X, Y


def facts(**layers):
    return {name: LayerFacts("Linear", gradient_norm=norm) for name, norm in layers.items()}


@pytest.mark.parametrize(
    ("seen", "alarming"),
    [
        (Look(9, update_ratio=0.05, layers=facts(a=1.0, b=1e-6)), False),
        (Look(9, update_ratio=0.2, layers=facts(a=1.0)), True),
        (Look(9, update_ratio=0.01, layers=facts(a=0.0, b=1.0)), True),
        (Look(9, update_ratio=0.01, layers=facts(c=0.0, b=1.0)), False),
        (Look(9, update_ratio=0.01, nonfinite_gradients=["a.weight"]), True),
    ],
)
def test_what_is_alarming(seen, alarming):
    last = Look(0, update_ratio=0.01, layers=facts(a=1.0, b=1.0, c=0.0))
    assert is_alarming(seen, last) is alarming


def network(normalized=False):
    cr.manual_seed(0)
    layers = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)
    return nn.Sequential(*[each for i, each in enumerate(layers) if normalized or i != 1])


def training(*, split=False, clears=False, engine="reference", lr=0.05, normalized=False):
    """A network and its compiled step, in one function or in two."""
    net = network(normalized)
    learner = cr.optim.SGD(net.parameters(), lr=lr)

    def gradients(x, y):
        learner.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        return loss

    def update():
        learner.step()
        if clears:
            learner.zero_grad(set_to_none=False)

    def whole(x, y):
        loss = gradients(x, y)
        update()
        return loss

    if engine is None:
        return net, learner, whole
    if not split:
        return net, learner, cr.compile(whole, engine=engine)
    first, second = cr.compile(gradients, engine=engine), cr.compile(update, engine=engine)

    def both(x, y):
        loss = first(x, y)
        second()
        return loss

    return net, learner, both


def batch(i):
    rows = slice(i % 6 * 32, i % 6 * 32 + 32)
    return cr.tensor(X[rows]), cr.tensor(Y[rows])


def glances_and_looks(monkeypatch, **options):
    """Glances at twelve compiled steps, and looks at all of the same ones, eager."""
    monkeypatch.setattr(schedules, "GLANCES", 1.0)
    net, learner, step = training(**options)
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(12):
            step(*batch(i))
    glances = list(doctor.record.glances)
    assert len(glances) > 4
    net, learner, step = training(engine=None)
    with watch(net, learner, tell=lambda f: None) as near:
        for i in range(12):
            near.schedule.hasten(i)
            step(*batch(i))
    return glances, near.record.looks


@pytest.mark.parametrize("split", [False, True])
def test_a_glance_sees_what_a_look_sees_of_gradients_and_weights(monkeypatch, split):
    seen_at, looks = glances_and_looks(monkeypatch, split=split)
    glances = {look.step: look for look in seen_at}
    for look in looks:
        if (seen := glances.get(look.step)) is None:
            continue
        assert seen.gradient_norm == pytest.approx(look.gradient_norm, rel=1e-4)
        assert seen.update_ratio == pytest.approx(look.update_ratio, rel=1e-4)
        assert (seen.moved, seen.learning_rate) == (look.moved, look.learning_rate)
        for name in ("0", "2"):
            for fact in ("gradient_norm", "weight_norm", "update_ratio"):
                found, expected = (getattr(at.layers[name], fact) for at in (seen, look))
                assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_glance_sees_activations(monkeypatch, engine):
    glances, looks = glances_and_looks(monkeypatch, engine=engine)
    for seen in glances:
        look = looks[seen.step]
        known = seen.layers["1"].activation, look.layers["1"].activation  # of the ReLU
        assert known[0].mean == pytest.approx(known[1].mean, rel=1e-4)
        assert seen.layers["0"].dead == look.layers["0"].dead
        assert seen.layers["0"].samples == 32
        assert seen.loss is None


@pytest.mark.parametrize("normalized", [False, True])
def test_a_compiled_step_is_not_left_for_a_look(monkeypatch, normalized):
    """But for the first one, where what the first layer gives is nowhere in memory: a ReLU
    right behind it is computed with it."""
    seen, records = counting(monkeypatch), []
    for engine in (None, "native"):
        net, learner, step = training(engine=engine, normalized=normalized)
        with watch(net, learner, tell=lambda f: None) as doctor:
            for i in range(20):
                doctor.schedule.hasten(i)
                doctor.wake()
                step(*batch(i))
            records.append(list(doctor.record.looks))
            assert seen == {"forward": 4 if engine and not normalized else 0, "backward": 0}
        assert doctor.findings == []
    for near, inside in zip(*records, strict=True):
        assert inside.step == near.step
        assert inside.loss == pytest.approx(near.loss, rel=1e-4)
        assert inside.accuracy == near.accuracy
        assert list(inside.layers) == list(near.layers)
        for name, layer in near.layers.items():
            found = inside.layers[name]
            assert found.dead == pytest.approx(layer.dead)
            if normalized or name == "2" or near.step == 0:
                assert found.activation.std == pytest.approx(layer.activation.std, rel=1e-3)
                assert found.activation.count == layer.activation.count


@pytest.mark.parametrize("split", [False, True])
def test_gradients_that_are_cleared_at_the_end_are_unknown_and_no_alarm(monkeypatch, split):
    monkeypatch.setattr(schedules, "GLANCES", 1.0)
    net, learner, step = training(split=split, clears=True)
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(12):
            step(*batch(i))
    assert doctor.record.glances
    for seen in doctor.record.glances:
        assert seen.update_ratio > 0
        known = seen.gradient_norm, seen.layers["0"].gradient_norm
        assert all(known) if split else known == (None, None)
    assert doctor.schedule._alarms == 0


def test_a_layer_that_dies_late_is_looked_at_at_once(monkeypatch):
    monkeypatch.setattr(schedules, "GLANCES", 1.0)
    net, learner, step = training()
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(120):
            if i == 60:
                doctor.schedule._next = 10**9  # no other look
                with cr.no_grad():
                    net[0].bias.sub_(1e4)
            step(*batch(i))
        late = [look for look in doctor.record.looks if look.step > 60]
    assert late
    assert late[0].layers["0"].dead == 1
    assert "D21" in [finding.code for finding in doctor.findings]


@pytest.mark.parametrize("split", [False, True])
def test_a_loss_that_gets_worse_is_looked_at_when_the_training_ends(split):
    net, learner, step = training(split=split)
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(60):
            step(*batch(i))
        before = [p.tolist() for p in net.parameters()]
        with cr.no_grad():
            net[2].weight.mul_(-3)
        doctor.schedule.hasten(10_000)
        for i in range(15):
            step(*batch(i))
        weights = [p.tolist() for p in net.parameters()]
    assert doctor.record.looks[-1].step == 75
    assert doctor.record.looks[-1].gradient_norm > 0
    assert [p.tolist() for p in net.parameters()] == weights != before


def test_a_calm_training_ends_without_a_look_where_there_is_no_time():
    net, learner, step = training(lr=0.5)
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(60):
            step(*batch(i))
        doctor.schedule.looking.seconds = math.inf
        looks = len(doctor.record.looks)
    assert len(doctor.record.looks) == looks


def counting(monkeypatch):
    """Which modules ran eagerly, and how many backward passes, in the shadows of a watch."""
    seen = {"forward": 0, "backward": 0}

    class Counting(Watch):
        def module_begins(self, module, arguments):
            seen["forward"] += self._shadowing
            super().module_begins(module, arguments)

        def backward_ends(self, root):
            seen["backward"] += self._shadowing
            super().backward_ends(root)

    monkeypatch.setattr("chainrule.doctor.Watch", Counting)
    return seen


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("beside", [False, True])
def test_a_look_at_a_compiled_step_sees_what_one_at_an_eager_step_sees(
    monkeypatch, split, beside
):
    """From inside, or where that does not show enough, beside, of which the forward pass will
    do."""
    seen = counting(monkeypatch)
    if beside:
        monkeypatch.setattr(Inside, "covers_a_look", False)
    net, learner, step = training(split=split)
    with watch(net, learner, tell=lambda f: None) as doctor:
        step(*batch(0))
        assert seen == {"forward": 4 if beside else 0, "backward": 0}
        (look,) = doctor.record.looks
    eager = training(engine=None)
    with watch(eager[0], eager[1], tell=lambda f: None) as near:
        eager[2](*batch(0))
        (expected,) = near.record.looks
    assert look.loss == pytest.approx(expected.loss)
    assert look.accuracy == expected.accuracy
    assert look.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-4)
    assert look.update_ratio == pytest.approx(expected.update_ratio, rel=1e-4)
    assert list(look.layers) == list(expected.layers)
    for name, layer in expected.layers.items():
        found = look.layers[name]
        assert (found.dead, found.histogram) == (layer.dead, layer.histogram)
        norms = found.gradient_norm or 0.0, layer.gradient_norm or 0.0
        assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    assert doctor.record.wiring.trainable == near.record.wiring.trainable == 4
    assert doctor.record.structure == near.record.structure


def test_a_step_that_catches_everything_is_seen_rightly():
    net = network()
    learner = cr.optim.SGD(net.parameters(), lr=0.05)

    def step(x, y):
        learner.zero_grad()
        loss = F.cross_entropy(net(x), y)
        with contextlib.suppress(BaseException):
            loss.backward()
        learner.step()
        return loss

    run = cr.compile(step, engine="reference")
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(20):
            run(*batch(i))
    assert all(look.moved == 1 for look in doctor.record.looks)
    assert all(look.gradient_norm > 0 for look in doctor.record.looks)
    assert doctor.findings == []


def test_where_a_step_clears_its_gradients_the_next_look_runs_it_as_a_whole(monkeypatch):
    seen = counting(monkeypatch)
    net, learner, step = training(clears=True)
    with watch(net, learner, tell=lambda f: None) as doctor:
        step(*batch(0))
        assert doctor.record.looks[0].gradient_norm is None
        assert doctor.record.looks[0].update_ratio > 0
        step(*batch(1))
        assert seen["backward"] == 1
        assert doctor.record.looks[1].step == 1
        assert doctor.record.looks[1].gradient_norm > 0
        assert doctor.findings == []


def test_several_backward_passes_in_a_step_are_run_as_a_whole(monkeypatch):
    seen = counting(monkeypatch)
    net = network()
    learner = cr.optim.SGD(net.parameters(), lr=0.05)

    def step(x, y):
        learner.zero_grad()
        for part in (slice(0, 16), slice(16, 32)):
            F.cross_entropy(net(x[part]), y[part]).backward()
        learner.step()

    run = cr.compile(step, engine="reference")
    with watch(net, learner, tell=lambda f: None) as doctor:
        run(*batch(0))
        assert seen["backward"] == 2
        assert doctor.record.looks[0].gradient_norm > 0


def test_a_look_begins_where_a_step_does(monkeypatch):
    """Not in the middle of an accumulation, whose gradients would seem not to be cleared."""
    net = network()
    learner = cr.optim.SGD(net.parameters(), lr=0.05)

    def gradients(x, y):
        loss = F.cross_entropy(net(x), y) / 2
        loss.backward()
        return loss

    def update():
        learner.step()
        learner.zero_grad()

    first, second = (cr.compile(f, engine="reference") for f in (gradients, update))
    with watch(net, learner, tell=lambda f: None) as doctor:
        for i in range(40):
            first(*batch(2 * i))
            if i % 3 == 1:
                doctor.schedule.hasten(doctor.record.step)
                doctor.wake()
            first(*batch(2 * i + 1))
            second()
    assert len(doctor.record.looks) > 8
    assert doctor.record.wiring.stale_steps == 0
    assert doctor.findings == []
