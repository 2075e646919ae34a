"""Watching changes nothing: not the weights, not what is compiled, not what is left behind."""

import copy
import gc
import io
import pickle
import threading
import weakref

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn, observers
from chainrule.doctor import watch
from chainrule.doctor.inside import Inside
from chainrule.doctor.look import StepLook
from chainrule.errors import ArgumentError
from chainrule.journal import read_journal
from tests.support.observed import Net, X, Y, train

OPTIMIZERS = {
    "SGD": lambda ps: cr.optim.SGD(ps, lr=0.1, momentum=0.9),
    "Adam": lambda ps: cr.optim.Adam(ps, lr=1e-2),
    "AdamW": lambda ps: cr.optim.AdamW(ps, lr=1e-2),
}


@pytest.fixture(autouse=True)
def nobody_stays():
    np.random.seed(0)
    yield
    gc.collect()
    assert observers.present == observers.close == []


def both(**options):
    """The same training with a doctor and without."""
    np.random.seed(0)
    without, _, plainly = train(watched=False, **options)
    np.random.seed(0)
    with_one, doctor, reasons = train(watched=True, **options)
    doctor.close()
    return without, with_one, doctor, plainly, reasons


@pytest.mark.parametrize("engine", [None, "native", "reference"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_is_the_same_bit_for_bit(name, engine):
    if engine == "native":
        pytest.importorskip("llvmlite")
    without, with_one, doctor, plainly, reasons = both(
        optimizer=OPTIMIZERS[name], engine=engine
    )
    assert with_one == without
    assert reasons == plainly  # looks make nothing be traced again
    assert len(doctor.record.looks) > 1 or engine is not None
    assert doctor.record.looks[0].step == 0
    assert doctor.record.step == 60
    assert len(doctor.record.losses) == 60


@pytest.mark.parametrize("engine", [None, "reference"])
def test_gradients_may_be_accumulated(engine):
    without, with_one, doctor, plainly, reasons = both(every=3, engine=engine)
    assert with_one == without
    assert reasons == plainly
    assert doctor.record.step == 20
    assert doctor.record.looks[0].update_ratio > 0


def test_a_scaled_loss_in_mixed_precision_stays_the_same():
    scalers = iter([cr.amp.GradScaler("cpu"), cr.amp.GradScaler("cpu")])
    used = {}

    def step(net, learner, x, y):
        scaler = used.setdefault(id(net), None) or next(scalers)
        used[id(net)] = scaler
        learner.zero_grad()
        with cr.autocast("cpu", dtype=cr.bfloat16):
            loss = F.cross_entropy(net(x), y)
        scaler.scale(loss).backward()
        scaler.step(learner)
        scaler.update()
        return loss.item()

    without, with_one, doctor, *_ = both(step=step)
    assert with_one == without
    assert doctor.record.looks


def test_two_optimizers_and_their_models_stay_the_same():
    def run(watched):
        cr.manual_seed(0)
        maker, judge = (
            nn.Linear(2, 2),
            nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)),
        )
        a, b = cr.optim.Adam(maker.parameters(), 1e-2), cr.optim.SGD(judge.parameters(), 0.1)
        both = nn.ModuleList([maker, judge])
        doctor = watch(both, a, b, tell=lambda f: None) if watched else None
        for _ in range(30):
            b.zero_grad()
            judge(maker(cr.randn(8, 2)).detach()).sigmoid().mean().backward()
            b.step()
            a.zero_grad()
            (-judge(maker(cr.randn(8, 2))).sigmoid().mean()).backward()
            a.step()
        if doctor is not None:
            doctor.close()
        return [p.tolist() for p in both.parameters()]

    assert run(True) == run(False)


@pytest.mark.parametrize("engine", [None, "reference"])
def test_closing_leaves_nothing(engine):
    cr.manual_seed(0)
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    step = make_step(net, learner)
    run = step if engine is None else cr.compile(step, engine=engine)
    x, y = cr.randn(8, 6), cr.randint(0, 3, (8,))
    with watch(net, learner, tell=lambda f: None) as doctor:
        for _ in range(4):
            run(x, y)
    assert not net._forward_pre_hooks
    assert not learner._step_pre_hooks
    assert not learner._step_post_hooks
    before = [] if engine is None else run.explain().reasons()
    run(x, y)
    assert ([] if engine is None else run.explain().reasons()) == before
    assert doctor.record.step == 4
    doctor.close()


def make_step(net, learner):
    def step(x, y):
        learner.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        learner.step()
        return loss

    return step


def test_a_function_that_was_compiled_before_is_seen_too():
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    run = cr.compile(make_step(net, learner), engine="reference")
    x, y = cr.randn(8, 6), cr.randint(0, 3, (8,))
    run(x, y)
    with watch(net, learner, tell=lambda f: None) as doctor:
        run(x, y)
        run(x, y)
    with watch(net, learner, tell=lambda f: None) as second:
        run(x, y)
    assert (doctor.record.step, second.record.step) == (2, 1)


def test_a_compiled_model_in_an_eager_step_is_seen():
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    compiled = cr.compile(net, engine="reference")
    with watch(compiled, learner, tell=lambda f: None) as doctor:
        for _ in range(3):
            make_step(compiled, learner)(cr.randn(8, 6), cr.randint(0, 3, (8,)))
    look = doctor.record.looks[0]
    assert look.layers["inner"].activation is not None
    assert look.layers["inner"].gradient_norm > 0
    assert doctor.record.step == 3


def test_a_watched_model_can_be_copied_pickled_and_saved(tmp_path):
    net = Net()
    learner = cr.optim.Adam(net.parameters(), lr=0.1)
    x, y = cr.randn(8, 6), cr.randint(0, 3, (8,))
    with watch(net, learner, tell=lambda f: None) as doctor:
        make_step(net, learner)(x, y)
        copies = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
        cr.save(net.state_dict(), tmp_path / "weights.pt")
        buffer = io.BytesIO()
        pickle.dump(copy.deepcopy(learner).state_dict(), buffer)
        for twin in copies:
            assert not twin._forward_pre_hooks
            twin(x).sum().backward()
        assert pickle.loads(pickle.dumps(learner))._step_pre_hooks in (None, {})
        assert len(doctor.record.losses) == 1  # what copies do is no part of the training


def test_a_watch_ends_with_its_model():
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    doctor = weakref.ref(watch(net, learner, tell=lambda f: None))
    make_step(net, learner)(cr.randn(8, 6), cr.randint(0, 3, (8,)))
    gc.collect()
    assert doctor() is not None  # the model keeps it, whoever called watch() or not
    assert len(observers.present) == 1
    del net, learner
    gc.collect()
    assert doctor() is None
    assert observers.present == []


def test_memory_does_not_grow():
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    step = make_step(net, learner)
    with watch(net, learner, tell=lambda f: None) as doctor:
        for _ in range(400):
            step(cr.zeros(8, 6), cr.zeros(8, dtype=cr.int64))
        assert len(doctor.kept.calls) == 256
        kept = weakref.ref(doctor.kept.calls[0])
        step(cr.zeros(8, 6), cr.zeros(8, dtype=cr.int64))
        assert kept() is None
    assert not doctor.kept.calls


EAGERLY, INSIDE = ("module_ends", "backward_begins"), ("see_inputs", "see_model_output")


def places(*everywhere):
    """Engine, whether the step is run beside, and what of a look is reached then."""
    ways = [(None, False, EAGERLY), ("reference", True, EAGERLY)]
    ways += [("reference", False, INSIDE), ("native", False, INSIDE)]
    return [(e, beside, w) for e, beside, own in ways for w in (*own, *everywhere)]


@pytest.mark.parametrize(("engine", "beside", "where"), places("step_begins"))
def test_ctrl_c_inside_a_look_leaves_everything_as_it_was(monkeypatch, engine, beside, where):
    cr.manual_seed(0)
    net = Net()
    learner = cr.optim.Adam(net.parameters(), lr=0.1)
    run = make_step(net, learner)
    run = run if engine is None else cr.compile(run, engine=engine)
    x, y = cr.randn(8, 6), cr.randint(0, 3, (8,))

    def interrupted(*_, **__):
        monkeypatch.undo()
        raise KeyboardInterrupt

    if beside:
        monkeypatch.setattr(Inside, "covers_a_look", False)
    with watch(net, learner, tell=lambda f: None) as doctor:
        weights = [p.tolist() for p in net.parameters()]
        state = cr.get_rng_state().tolist()
        monkeypatch.setattr(StepLook, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(x, y)
        assert [p.tolist() for p in net.parameters()] == weights
        if engine is not None:
            assert cr.get_rng_state().tolist() == state
        run(x, y)  # and it goes on
        run(x, y)
        assert observers.close == []
        assert doctor.record.step == 2
    assert [p.tolist() for p in net.parameters()] != weights


@pytest.mark.parametrize(
    ("engine", "beside", "where"), places("step_begins", "finish", "see_losses")
)
def test_a_mistake_of_the_doctor_does_not_end_the_training(monkeypatch, engine, beside, where):
    if beside:
        monkeypatch.setattr(Inside, "covers_a_look", False)
    without, *_ = train(watched=False, engine=engine, steps=5)

    def mistaken(*_, **__):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(StepLook, where, mistaken)
    np.random.seed(0)
    with pytest.warns(UserWarning, match="goes on without it: ZeroDivisionError: a mistake"):
        with_one, doctor, _ = train(watched=True, engine=engine, steps=5)
    assert with_one == without
    assert doctor.record.looks == observers.close == []
    doctor.close()


def test_a_step_that_raises_is_not_mixed_up_with_the_next_one():
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    with watch(net, learner, tell=lambda f: None) as doctor:
        with pytest.raises(RuntimeError):
            net(cr.randn(8, 5))
        make_step(net, learner)(cr.randn(8, 6), cr.randint(0, 3, (8,)))
    assert doctor.record.looks[0].layers["inner"].activation.count == 48


def test_two_threads_do_not_hear_each_other():
    def run(results, watched, place):
        cr_net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        with cr.no_grad():
            for i, p in enumerate(cr_net.parameters()):
                p.copy_(cr.linspace(-1, 1, p.numel()).reshape(p.shape) * (i + 1 + place))
        learner = cr.optim.SGD(cr_net.parameters(), lr=0.1)
        step = make_step(cr_net, learner)
        doctor = watch(cr_net, learner, tell=lambda f: None) if watched else None
        for i in range(50):
            rows = slice(i % 6 * 32, i % 6 * 32 + 8 * (place + 1))
            step(cr.tensor(X[rows]), cr.tensor(Y[rows]))
        results[place] = [p.tolist() for p in cr_net.parameters()], doctor
        if doctor is not None:
            doctor.close()

    from_threads, alone = {}, {}
    threads = [threading.Thread(target=run, args=(from_threads, True, i)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place in (0, 1):
        run(alone, False, place)
        weights, doctor = from_threads[place]
        assert weights == alone[place][0]
        assert len(doctor.record.losses) == doctor.record.step == 50
        assert doctor.record.data.largest_batch == 8 * (place + 1)


def test_what_a_shadow_prints_is_not_seen(capsys):
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    inner = make_step(net, learner)

    def step(x, y):
        print("traced")
        return inner(x, y)

    run = cr.compile(step, engine="reference")
    with watch(net, learner, tell=lambda f: None) as doctor:
        for _ in range(10):
            run(cr.ones(8, 6), cr.zeros(8, dtype=cr.int64))
        traced = len(run.explain().reasons())
    assert doctor.record.looks
    assert capsys.readouterr().out.count("traced") == traced


def test_the_share_of_the_time_is_known():
    _, doctor, _ = train(watched=True)
    assert 0 < doctor.share < 1
    assert doctor.schedule.looking.seconds > 0
    doctor.close()


def test_findings_are_printed_by_default(capsys):
    net = nn.Linear(6, 3)
    learner = cr.optim.SGD(net.parameters(), lr=1e4)
    with watch(net, learner) as doctor:
        for _ in range(10):
            make_step(net, learner)(cr.tensor(X[:32]), cr.tensor(Y[:32]))
    assert doctor.findings[0].code == "D18"
    assert capsys.readouterr().out.startswith("D18  learning rate too high")


def test_a_folder_gets_a_journal(tmp_path):
    net = nn.Linear(6, 3)
    learner = cr.optim.SGD(net.parameters(), lr=1e4)
    with watch(net, learner, tell=lambda f: None, folder=tmp_path) as doctor:
        for _ in range(20):
            make_step(net, learner)(cr.tensor(X[:32]), cr.tensor(Y[:32]))
        doctor.verify()
    records = read_journal(tmp_path)
    kinds = [record["kind"] for record in records]
    assert kinds.count("scalars") == 20
    assert kinds.count("layers") == len(doctor.record.looks)
    assert kinds[-1] == "end"
    found = [record["finding"] for record in records if record["kind"] == "finding"]
    assert found[-1]["code"] == "D18"
    assert found[-1]["verified"] is not None
    facts = next(r for r in records if r["kind"] == "layers")["layers"][""]
    assert set(facts) >= {"gradient_norm", "weight_norm", "update_ratio"}


def test_wrong_use_is_refused():
    net = Net()
    learner = cr.optim.SGD(net.parameters(), lr=0.1)
    for wrong in ([], [net]):
        with pytest.raises(ArgumentError, match="CR860"):
            watch(net, *wrong)
    learner.param_groups[0]["params"].clear()
    with pytest.raises(ArgumentError, match=r"CR860.*SGD moves no parameters"):
        watch(net, learner)
    with pytest.raises(ArgumentError, match="CR861"):
        watch(lambda x: x, cr.optim.SGD(net.parameters(), lr=0.1))
