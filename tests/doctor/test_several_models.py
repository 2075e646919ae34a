"""Several models that are trained together, containers, and models that are never called."""

import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch
from chainrule.errors import ArgumentError
from chainrule.journal import read_journal
from tests.support.observed import X, Y


def networks():
    cr.manual_seed(0)
    maker = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    judge = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    return maker, judge


def game(maker, judge, *, engine=None, critic=1):
    """The step of a generator and a discriminator, and their optimizers."""
    a, b = cr.optim.Adam(maker.parameters(), 1e-2), cr.optim.Adam(judge.parameters(), 1e-2)
    bce = F.binary_cross_entropy_with_logits

    def judged(real):
        b.zero_grad()
        fake = maker(cr.randn(16, 2)).detach()
        loss = bce(judge(real), cr.ones(16, 1)) + bce(judge(fake), cr.zeros(16, 1))
        loss.backward()
        b.step()
        return loss

    def made():
        a.zero_grad()
        loss = bce(judge(maker(cr.randn(16, 2))), cr.ones(16, 1))
        loss.backward()
        a.step()
        return loss

    if engine is not None:
        judged, made = cr.compile(judged, engine=engine), cr.compile(made, engine=engine)

    def step():
        for _ in range(critic):
            judged(cr.randn(16, 2) * 0.1 + 1)
        made()

    return step, a, b


AS_ONE = {
    "list": lambda maker, judge: [maker, judge],
    "tuple": lambda maker, judge: (maker, judge),
    "dict": lambda maker, judge: {"0": maker, "1": judge},
    "ModuleList": lambda maker, judge: nn.ModuleList([maker, judge]),
    "ModuleDict": lambda maker, judge: nn.ModuleDict({"0": maker, "1": judge}),
}


class Pair(nn.Module):
    """Holds both, and says nothing of what it computes."""

    def __init__(self, maker, judge):
        super().__init__()
        self.maker, self.judge = maker, judge


def play(as_one, *, engine=None, critic=1, steps=60, **options):
    maker, judge = networks()
    step, a, b = game(maker, judge, engine=engine, critic=critic)
    doctor = None if as_one is None else watch(as_one(maker, judge), a, b, **options)
    for _ in range(steps):
        step()
    if doctor is not None:
        doctor.diagnose()
        doctor.close()
    weights = [p.tolist() for net in (maker, judge) for p in net.parameters()]
    return weights, doctor


@pytest.mark.parametrize("engine", [None, "reference"])
@pytest.mark.parametrize("how", AS_ONE)
def test_both_networks_of_a_gan_are_looked_at(how, engine):
    weights, doctor = play(AS_ONE[how], engine=engine, tell=lambda f: None)
    assert weights == play(None, engine=engine)[0]
    assert doctor.record.step == 60
    assert doctor.findings == []
    for look in doctor.record.looks:
        for layer in ("0.0", "0.2", "1.0", "1.2"):
            assert look.layers[layer].gradient_norm > 0
            assert look.layers[layer].update_ratio > 0
            assert look.layers[layer].activation is not None
        assert look.moved == 1
    assert len(doctor.record.looks) > 1
    assert doctor.record.data.largest_batch == 16


@pytest.mark.parametrize("engine", [None, "reference"])
def test_an_optimizer_may_take_several_turns(engine):
    weights, doctor = play(AS_ONE["list"], engine=engine, critic=4, tell=lambda f: None)
    assert weights == play(None, engine=engine, critic=4)[0]
    assert doctor.record.looks[0].layers["0.0"].gradient_norm > 0
    assert doctor.record.looks[0].layers["1.0"].gradient_norm > 0


def test_a_module_that_only_holds_others_is_entered_by_them():
    _, doctor = play(Pair, tell=lambda f: None)
    assert doctor.record.looks[0].layers["maker.0"].gradient_norm > 0
    assert doctor.record.looks[0].layers["judge.0"].activation is not None
    assert doctor.record.model == "Sequential, Sequential"


def test_compiled_models_may_be_among_them():
    maker, judge = networks()
    step, a, b = game(maker, judge)
    with watch([cr.compile(maker, engine="reference"), judge], a, b, tell=lambda f: None) as d:
        step()
    assert d.record.step == 1


def test_what_one_part_makes_is_not_the_data_of_another():
    cr.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
    decoder = nn.Linear(4, 3)
    with cr.no_grad():
        encoder[0].weight.mul_(1e4)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    learner = cr.optim.SGD(parameters, lr=1e-9)
    with watch([encoder, decoder], learner, tell=lambda f: None) as doctor:
        for _ in range(10):
            learner.zero_grad()
            F.cross_entropy(decoder(encoder(cr.tensor(X[:32]))), cr.tensor(Y[:32])).backward()
            learner.step()
    assert doctor.record.data.inputs.largest < 10
    assert not any(call.can_run for call in doctor.kept.calls)  # a part alone is no step


class Methods(nn.Module):
    """A model whose methods are called, and never itself."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        raise NotImplementedError

    def loss(self, x, y):
        return F.cross_entropy(self.outer(self.inner(x).tanh()), y)


@pytest.mark.parametrize("engine", [None, "reference"])
def test_a_model_whose_methods_are_called_is_looked_at(engine):
    def train(watched):
        cr.manual_seed(0)
        net = Methods()
        learner = cr.optim.Adam(net.parameters(), 1e-2)

        def step(x, y):
            learner.zero_grad()
            loss = net.loss(x, y)
            loss.backward()
            learner.step()
            return loss

        run = step if engine is None else cr.compile(step, engine=engine)
        doctor = watch(net, learner, tell=lambda f: None) if watched else None
        for _ in range(60):
            run(cr.tensor(X[:32]), cr.tensor(Y[:32]))
        if doctor is not None:
            doctor.close()
        return [p.tolist() for p in net.parameters()], doctor

    weights, doctor = train(True)
    assert weights == train(False)[0]
    assert doctor.record.step == 60
    assert len(doctor.record.losses) > 50
    look = doctor.record.looks[-1]
    assert look.layers["inner"].gradient_norm > 0
    assert look.layers["inner"].activation is not None
    assert doctor.findings == []


def test_their_journal_has_the_layers_of_both(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.doctor.schedule.GLANCES", 1.0)
    play(AS_ONE["dict"], engine="reference", folder=tmp_path, tell=lambda f: None)
    layers = [r for r in read_journal(tmp_path) if r["kind"] == "layers"]
    assert len(layers) > 8
    for record in layers:
        assert {"0.0", "0.2", "1.0", "1.2"} <= record["layers"].keys()


def test_wrong_members_are_refused():
    maker, judge = networks()
    _, a, _ = game(maker, judge)
    with pytest.raises(ArgumentError, match="CR861"):
        watch([maker, lambda x: x], a)
    with pytest.raises(ArgumentError, match="CR861"):
        watch({"maker": maker, "other": None}, a)
