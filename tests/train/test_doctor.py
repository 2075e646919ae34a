"""A doctor in the Trainer: it changes nothing, says what is wrong, and mends it if asked."""

import io
import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, observers
from chainrule.cli.main import main
from chainrule.doctor import Watch
from chainrule.errors import ArgumentError
from chainrule.journal import read_journal
from chainrule.metrics import Accuracy
from chainrule.report import Report
from chainrule.train import Callback, Checkpoint, Progress, Trainer, load_checkpoint
from chainrule.train.checkpoints import checkpoints, step_of
from chainrule.train.examining import PROBATION, scale_schedule
from chainrule.utils.data import DataLoader, TensorDataset
from tests.support.heard import Heard
from tests.support.observed import Net, X, Y


@pytest.fixture(autouse=True)
def nobody_stays():
    yield
    assert observers.present == observers.close == []


def trainer(
    doctor, *, lr=0.1, epochs=12, compile=False, model=Net, scheduler=None, seed=0, **options
):
    cr.manual_seed(seed)
    net = model()
    learner = cr.optim.SGD(net.parameters(), lr=lr, momentum=options.pop("momentum", 0.0))
    data = TensorDataset(cr.tensor(X), cr.tensor(Y))
    return Trainer(
        net,
        nn.CrossEntropyLoss(),
        learner,
        DataLoader(data, 32, shuffle=True),
        DataLoader(data, 96),
        epochs=epochs,
        metrics={"accuracy": Accuracy()},
        scheduler=None if scheduler is None else scheduler(learner),
        schedule_each="step",
        doctor=doctor,
        compile=compile,
        **options,
    )


def plain(layers=(6, 16, 3)):
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def state(trainer):
    history = [{k: v for k, v in r.items() if k != "seconds"} for r in trainer.history]
    weights = {name: x.tolist() for name, x in trainer.model.state_dict().items()}
    return history, weights, cr.get_rng_state().tolist(), str(trainer.optimizer.state_dict())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9, "clip_norm": 1.0},
        {"scheduler": lambda o: cr.optim.lr_scheduler.OneCycleLR(o, 0.2, total_steps=72)},
        {"compile": True, "engine": "reference"},
        {"compile": True, "engine": "native", "momentum": 0.9},
    ],
)
def test_the_training_is_the_same_bit_for_bit(options):
    if options.get("engine") == "native":
        pytest.importorskip("llvmlite")
    found = []
    for doctor in (False, True):
        training = trainer(doctor, callbacks=[Heard()], **options)
        training.fit()
        found.append(state(training))
    assert found[0] == found[1]
    assert training.doctor.watch.record.looks
    assert training.doctor.watch.record.step == 72


@pytest.mark.parametrize("compile", [False, True])
def test_a_resumed_training_is_the_same_bit_for_bit(tmp_path, compile):
    whole = trainer(False, compile=compile, engine="reference")
    whole.fit()
    kept = Checkpoint(tmp_path, every_steps=20, keep=99)
    trainer(True, compile=compile, engine="reference", callbacks=[kept, Heard()]).fit()
    (middle,) = (path for path in checkpoints(tmp_path) if step_of(path) == 20)
    resumed = trainer(
        True,
        compile=compile,
        engine="reference",
        callbacks=[Checkpoint(tmp_path / "b"), Heard()],
    )
    resumed.load_state_dict(load_checkpoint(middle))
    resumed.fit()
    assert state(resumed) == state(whole)
    assert resumed.doctor.watch.record.looks[0].step == 20


@pytest.mark.parametrize("metrics", [True, False])
def test_evaluations_that_pass_quietly_are_seen_as_others_are(monkeypatch, metrics):
    records = []
    for are_quiet in (True, False):
        if not are_quiet:
            monkeypatch.setattr(Watch, "lets_evaluations_pass", False)
        waiting = Waiting()
        training = trainer(True, compile=True, engine="reference", callbacks=[waiting])
        if not metrics:
            training.metrics = {}
        training.fit()
        records.append(training.doctor.watch.record)
        assert (waiting.most > 0) is are_quiet
    quiet, loud = records
    assert quiet.epochs == loud.epochs
    assert len(quiet.epochs) == 12
    assert quiet.losses == loud.losses
    assert quiet.wiring == loud.wiring
    assert quiet.data.validation_inputs == loud.data.validation_inputs
    assert quiet.data.validated_on_training


class Waiting(Callback):
    """How many evaluations nobody had taken note of when their epoch was over, at most."""

    most = 0

    def epoch_ends(self, trainer):
        passed = trainer.doctor.watch.quiet.calls
        waiting = sum(bool(call.results) for _, calls in passed for call in calls)
        self.most = max(self.most, waiting)


def test_a_report_lets_steps_pass_quietly(tmp_path):
    """It asks at every step what was seen; that does not have the steps taken note of."""

    class Counts(Callback):
        most = 0

        def step_ends(self, trainer):
            passed = trainer.doctor.watch.quiet.calls
            self.most = max(self.most, sum(len(calls) for _, calls in passed))

    counts = Counts()
    callbacks = [Report(tmp_path / "run"), counts]
    training = trainer(True, compile=True, engine="reference", callbacks=callbacks)
    training.fit()
    assert counts.most > 1
    written = [e["step"] for e in read_journal(tmp_path / "run") if "layers" in e]
    record = training.doctor.watch.record
    assert written == sorted(look.step for look in (*record.looks, *record.glances))


def test_an_evaluation_is_seen_as_it_was_then(monkeypatch):
    """Also where the program writes into its batches and outputs afterwards."""
    spoiled = []

    class Spoils(Accuracy):
        def update(self, outputs, targets):
            super().update(outputs, targets)
            spoiled.append(outputs.shape)
            outputs.zero_()

    heard = []
    for metric in (Accuracy(), Spoils()):
        training = trainer(True, compile=True, engine="reference")
        training.metrics = {"score": metric}
        training.fit()
        heard.append(training.doctor.watch.record.epochs)
    assert spoiled
    assert heard[0] == heard[1]
    assert heard[0][-1].recalls


def test_the_end_says_what_looking_has_cost():
    heard = Heard()
    trainer(True, model=plain, callbacks=[heard]).fit()
    assert len(heard.lines) == 1
    assert heard.lines[0].startswith("doctor: no findings; ")
    assert heard.lines[0].endswith("% of the time")


@pytest.mark.parametrize("compile", [False, True])
def test_a_finding_is_said_at_once_in_one_line(compile):
    heard = Heard()
    training = trainer(
        True, lr=30.0, model=plain, compile=compile, engine="reference", callbacks=[heard]
    )
    training.fit()
    assert heard.lines[0].startswith("D18 learning rate too high (step 0): one step changed")
    assert heard.lines[1].startswith("D18 verified: 50 steps from the beginning: loss ")
    assert training.doctor.findings[0].verified
    assert not training.doctor.findings[0].applied
    assert training.optimizer.param_groups[0]["lr"] == 30.0
    assert not any("doctor" in record for record in training.history)


def test_progress_shows_it():
    stream = io.StringIO()
    trainer(True, lr=30.0, model=plain, callbacks=[Progress(stream)]).fit()
    assert "D18 learning rate too high" in stream.getvalue()


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize(("lr", "code"), [(30.0, "D18"), (1e-5, "D19")])
def test_a_remedy_that_helped_is_applied(lr, code, compile):
    heard = Heard()
    options = {
        "lr": lr,
        "model": plain,
        "compile": compile,
        "engine": "reference",
        "epochs": 30,
    }
    options["seed"] = 0 if lr > 1 else 1
    sick = trainer(False, **options)
    sick.fit()
    mended = trainer("fix", callbacks=[heard], **options)
    mended.fit()
    assert mended.doctor.findings[0].code == code
    assert mended.doctor.findings[0].applied
    assert mended.optimizer.param_groups[0]["lr"] != lr
    assert f"{code} mended: " in "".join(heard.lines)
    assert not any("taken back" in line for line in heard.lines)
    assert mended.history[-1]["doctor"][0]["code"] == code
    before, after = (t.history[-1]["validation_loss"] for t in (sick, mended))
    assert after < 0.8 * before or math.isnan(before)
    assert mended.history[-1]["validation_accuracy"] > 0.6


def test_a_schedule_goes_on_from_the_mended_rate():
    def constant(optimizer):
        return cr.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)

    training = trainer("fix", lr=30.0, model=plain, scheduler=constant, callbacks=[Heard()])
    training.fit()
    assert training.doctor.findings[0].applied
    assert training.optimizer.param_groups[0]["lr"] < 3.0

    cycle = cr.optim.lr_scheduler.OneCycleLR(training.optimizer, 10.0, total_steps=8)
    scale_schedule(cycle, 0.1)
    rates = []
    for _ in range(6):
        training.optimizer.step()
        cycle.step()
        rates.append(training.optimizer.param_groups[0]["lr"])
    assert max(rates) == pytest.approx(1.0, rel=0.2)


def test_a_change_that_does_not_help_is_taken_back(monkeypatch):
    """Here the finding's remedy is made to be a wrong one, though its trial went well."""
    heard = Heard()
    training = trainer("fix", lr=0.1, model=plain, epochs=30, callbacks=[heard])
    calm = trainer(False, lr=0.1, model=plain, epochs=30)
    calm.fit()

    class Wrong(Callback):
        def step_ends(self, trainer):
            if trainer.step == 30:
                watch = trainer.doctor.watch
                finding = found(("lr", 1e4))
                watch.findings.append(finding)
                finding.verified = True
                trainer.doctor._mend(trainer, watch, finding)

    training._listeners["step_ends"].insert(0, Wrong().step_ends)
    training.fit()
    assert any("D18 taken back: loss " in line for line in heard.lines)
    assert training.optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    assert training.history[-1]["train_loss"] < 1.2 * calm.history[-1]["train_loss"]
    assert math.isfinite(training.loss)
    assert "doctor" not in training.history[-1]
    assert training.step > PROBATION


def found(remedy):
    from_above = trainer(True, lr=30.0, model=plain, epochs=1, callbacks=[Heard()])
    from_above.fit()
    (finding,) = from_above.doctor.findings
    finding.remedy = remedy
    return finding


def test_a_healthy_training_is_not_mended():
    heard = Heard()
    training = trainer("fix", callbacks=[heard])
    training.fit()
    plainly = trainer(False)
    plainly.fit()
    assert state(training)[1] == state(plainly)[1]
    assert not any("mended" in line for line in heard.lines)


def test_looks_and_findings_are_in_the_report_also_of_a_resumed_run(tmp_path):
    report = Report(tmp_path, samples=0)
    training = trainer(True, lr=30.0, model=plain, epochs=3, callbacks=[report])
    training.fit()
    resumed = trainer(
        True, lr=30.0, model=plain, epochs=6, callbacks=[Report(tmp_path, samples=0)]
    )
    resumed.load_state_dict(training.state_dict())
    resumed.fit()
    records = read_journal(tmp_path)
    steps = [record["step"] for record in records if record["kind"] == "layers"]
    assert steps[0] == 0
    assert max(steps) >= 18
    codes = {r["finding"]["code"] for r in records if r["kind"] == "finding"}
    assert "D18" in codes
    assert "learning rate too high" in report.page.read_text(encoding="utf-8")
    assert main(["doctor", str(tmp_path)]) == 1


def test_ctrl_c_ends_the_watch():
    class Interrupting(Callback):
        def step_ends(self, trainer):
            if trainer.step == 3:
                raise KeyboardInterrupt

    training = trainer(True, callbacks=[Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        training.fit()
    assert not training.model._forward_pre_hooks


def test_an_option_that_is_none_is_refused():
    with pytest.raises(ArgumentError, match=r"CR808.*'often'"):
        trainer("often")
    for doctor in (False, np.False_):
        assert trainer(doctor).doctor is None


@pytest.mark.parametrize("compile", [False, True])
def test_a_network_of_lazy_layers_has_a_doctor_and_a_report(tmp_path, compile):
    def lazy():
        return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))

    report = Report(tmp_path, samples=0)
    training = trainer(
        True, model=lazy, epochs=2, compile=compile, engine="reference", callbacks=[report]
    )
    training.fit()
    plainly = trainer(False, model=lazy, epochs=2, compile=compile, engine="reference")
    plainly.fit()
    assert state(training) == state(plainly)
    counts = [r["parameters"] for r in read_journal(tmp_path) if "parameters" in r]
    assert counts[-1] == 6 * 8 + 8 + 8 * 3 + 3
    assert training.doctor.watch.record.looks[0].layers["0"].gradient_norm > 0
