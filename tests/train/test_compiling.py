"""Trainings are compiled by themselves, or say why they are not and leave no mark of trying."""

import importlib
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from both_engines import alike

import chainrule as cr
from chainrule import nn, optim
from chainrule.amp import GradScaler, autocast
from chainrule.compiler.rollback import Rollback
from chainrule.errors import ArgumentError, TraceError
from chainrule.metrics import Accuracy
from chainrule.nn.utils import clip_grad_norm_
from chainrule.train import Callback, Trainer, evaluate, where_possible
from chainrule.utils.data import DataLoader, TensorDataset

ROOT = Path(__file__).parents[2]


def points(n=20):
    x = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    return TensorDataset(cr.from_numpy(x), cr.from_numpy((x.sum(1) > 0).astype(np.int64)))


def network(*layers):
    return nn.Sequential(
        nn.Linear(2, 8), nn.BatchNorm1d(8), *layers, nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(8, 2),
    )  # fmt: skip


def trainer(*layers, loss=None, epochs=2, n=20, make=network, **options):
    cr.manual_seed(7)
    model = make(*[layer() for layer in layers])
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    batches = DataLoader(points(n), 10, shuffle=True)
    settings = {"validation": DataLoader(points(9), 9), "metrics": {"accuracy": Accuracy()}}
    loss = loss or nn.CrossEntropyLoss()
    return Trainer(model, loss, optimizer, batches, epochs=epochs, **(settings | options))


def results(t):
    """Weights and buffers, moments, random numbers and history, without times."""
    state = t.state_dict()
    history = [{k: v for k, v in record.items() if k != "seconds"} for record in t.history]
    tensors = [*state["model"].values()]
    for moments in state["optimizer"]["state"].values():
        tensors += [x for x in moments.values() if isinstance(x, cr.Tensor)]
    tensors += state["generators"]
    return [x.tolist() for x in tensors], history, state["random"]


def fitted(*layers, **options):
    t = trainer(*layers, **options)
    t.fit()
    return t


# -- compiled --------------------------------------------------------------------------


def test_a_training_is_compiled_by_itself_and_says_so():
    t = fitted()
    assert t.execution.startswith("compiled by the ") and t.execution.endswith(" s")
    assert t.state_dict()["compiled"].keys() == {"step", "score"}
    assert fitted(compile=False).execution == "running eagerly, as asked for"


def test_compiled_or_not_is_the_same_training():
    eager, compiled = fitted(compile=False, make=plain), fitted(compile=True, make=plain)
    pairs = zip(eager.model.parameters(), compiled.model.parameters(), strict=True)
    assert all(alike(y, x) for x, y in pairs)


def test_the_reference_engine_computes_the_same_bits():
    for options in ({}, {"clip_norm": 0.1}, {"callbacks": [Between()]}, {"n": 25}):
        eager = fitted(compile=False, **options)
        assert results(fitted(engine="reference", compile=True, **options)) == results(eager)


class Between(Callback):
    """Clips as a callback."""

    def gradients_ready(self, trainer):
        clip_grad_norm_(trainer.model.parameters(), 0.1)


@pytest.mark.parametrize("compile", [True, False])
def test_gradients_are_clipped(compile):
    option = fitted(compile=compile, engine="reference", clip_norm=0.1)
    callback = fitted(compile=compile, engine="reference", callbacks=[Between()])
    assert results(option)[:2] == results(callback)[:2] != results(fitted(compile=False))[:2]


def test_callbacks_see_the_gradients_of_every_step():
    seen = []

    class Look(Callback):
        def gradients_ready(self, trainer):
            seen.append(max(p.grad.abs().max().item() for p in trainer.model.parameters()))

    t = fitted(callbacks=[Look()], epochs=3, compile=True)
    assert len(seen) == 6 and len(set(seen)) == 6
    assert t.state_dict()["compiled"].keys() == {"gradients", "update", "score"}


def test_another_optimizer_loss_function_or_model_in_the_middle():
    class Change(Callback):
        def __init__(self, name, make):
            self.change = name, make

        def epoch_ends(self, trainer):
            if trainer.epoch == 1:
                name, make = self.change
                setattr(trainer, name, make(trainer))

    changes = {
        "optimizer": lambda t: optim.SGD(t.model.parameters(), lr=0.5),
        "loss_function": lambda t: nn.MultiMarginLoss(),
        "clip_norm": lambda t: 1e-3,
    }
    plain = results(fitted(compile=False))
    for name, make in changes.items():
        found = [
            results(fitted(compile=c, engine="reference", callbacks=[Change(name, make)]))
            for c in (True, False)
        ]
        assert found[0] == found[1] != plain, name


weight = 1.0


def weighted(outputs, targets):
    return weight * nn.functional.cross_entropy(outputs, targets)


def test_a_number_that_the_loss_function_reads(monkeypatch):
    class Change(Callback):
        def epoch_ends(self, trainer):
            monkeypatch.setitem(globals(), "weight", 0.25)

    history = fitted(loss=weighted, callbacks=[Change()], compile=True).history
    assert history[1]["validation_loss"] < 0.5 * history[0]["validation_loss"]


def test_mixed_precision_and_a_scaled_loss():
    def train(compile):
        scaler = GradScaler("cpu", init_scale=256.0)
        cross_entropy = nn.CrossEntropyLoss()

        class Unscale(Callback):
            def gradients_ready(self, trainer):
                for p in trainer.model.parameters():
                    p.grad.mul_(1 / 256.0)

        def loss(outputs, targets):
            return scaler.scale(cross_entropy(outputs.float(), targets))

        with autocast("cpu", dtype=cr.bfloat16):
            return fitted(loss=loss, callbacks=[Unscale()], compile=compile, engine="reference")

    assert results(train(True)) == results(train(False))


def test_hooks_run_in_the_compiled_step():
    def train(compile):
        t = trainer(compile=compile, engine="reference")
        t.model[0].register_forward_hook(lambda module, inputs, y: y * 2)
        t.model[0].weight.register_hook(lambda g: g * 3)
        t.optimizer.register_step_pre_hook(lambda *_: None)
        t.fit()
        return results(t)

    assert train(True) == train(False) != results(fitted(compile=False))


def test_gradients_of_several_batches_add_up():
    class Every(optim.SGD):
        """Steps with the gradients of two batches, as the count in a tensor says."""

        def __init__(self, params, lr):
            super().__init__(params, lr=lr)
            self.count = cr.zeros(())

        def zero_grad(self, set_to_none=True):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.grad = p.grad * (self.count % 2)

        def step(self, closure=None):
            self.count += 1
            kept = [p.grad for group in self.param_groups for p in group["params"]]
            rate = 1 - self.count % 2
            for group in self.param_groups:
                for p, g in zip(group["params"], kept, strict=True):
                    with cr.no_grad():
                        p -= group["lr"] * rate * g

    def train(compile):
        t = trainer(compile=compile, engine="reference", n=40)
        t.optimizer = Every(t.model.parameters(), lr=0.1)
        t.fit()
        return [p.tolist() for p in t.model.parameters()]

    assert train(True) == train(False)


# -- not compiled ----------------------------------------------------------------------


class Peek(nn.Module):
    """Reads a number, after it has left marks wherever it can."""

    marks: list = []

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", cr.zeros(8))
        self.calls = 0
        self.seen = []
        self.lazy = nn.LazyLinear(8)

    def forward(self, x):
        self.calls += 1
        self.seen.append(self.calls)
        self.mean = self.mean * 0.9 + 0.1 * x.detach().mean(0)
        Peek.marks.append(len(self.marks))
        x = self.lazy(x) + float(np.random.rand()) + random.random() + cr.rand(8)
        return x if x.sum().item() > 0 else -x


def peeking(compile):
    random.seed(3)
    np.random.seed(3)
    Peek.marks.clear()
    t = trainer(Peek, compile=compile)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        t.fit()
    peek = t.model[2]
    marks = peek.calls, peek.seen, list(Peek.marks), type(peek.lazy) is nn.Linear
    return results(t), marks, [str(w.message) for w in said], t


def test_what_cannot_be_compiled_runs_eagerly_says_why_once_and_keeps_no_mark():
    found, marks, said, t = peeking(None)
    expected, eager_marks, silence, _ = peeking(False)
    assert found == expected and marks == eager_marks
    assert silence == [] and len(said) == 1
    assert t.execution == "running eagerly"
    for part in (
        "the training runs eagerly, as it cannot be compiled: CR401",
        "test_compiling.py:", "x if x.sum().item() > 0", "use chainrule.where",
        "compile=False", "compile=True",
    ):  # fmt: skip
        assert part in said[0]


def test_compile_true_raises_and_leaves_everything_as_it_was():
    t = trainer(Peek, compile=True)
    t.model[2].lazy = nn.Linear(8, 8)
    before = results(t)
    marks = len(Peek.marks)
    with pytest.raises(TraceError, match="CR401"):
        t.fit()
    peek = t.model[2]
    t.optimizer.zero_grad()
    assert (peek.calls, peek.seen, len(Peek.marks)) == (0, [], marks)
    after = results(t)
    assert after[0][:-1] == before[0][:-1] and after[2] == before[2]
    assert t.optimizer.state == {}
    assert all(p.grad is None for p in t.model.parameters())


def test_a_count_kept_in_python_is_right_too():
    class Warm(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = 0

        def forward(self, x):
            self.step += 1
            return x * min(1.0, self.step / 3)

    with pytest.warns(UserWarning, match="CR404"):
        found = fitted(Warm)
    assert results(found) == results(fitted(Warm, compile=False))


def test_a_real_error_is_the_one_of_eager_execution():
    def broken(outputs, targets):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        fitted(loss=broken)


def test_an_engine_that_fails_is_no_reason_to_stop(monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'llvmlite'")

    monkeypatch.setattr("chainrule.compiler.recording.program", fail)
    with pytest.warns(UserWarning, match="ModuleNotFoundError while it was compiled.*llvmlite"):
        found = fitted()
    monkeypatch.undo()
    assert results(found) == results(fitted(compile=False))


def test_an_engine_that_does_not_exist():
    with pytest.raises(ArgumentError, match="CR407"):
        trainer(engine="steam")


class OfManySizes:
    """Batches of 1, 2, 3… points."""

    def __len__(self):
        return 6

    def __iter__(self):
        for n in range(1, 7):
            x, y = points(n).tensors
            yield x, y

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        """It has none."""


def plain(*layers):
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))


def test_too_many_shapes_are_not_compiled_and_a_resumed_training_compiles_the_same(monkeypatch):
    monkeypatch.setattr(where_possible, "MOST_SITUATIONS", 3)
    whole = trainer(make=plain, epochs=2)
    whole.batches = OfManySizes()
    with pytest.warns(UserWarning, match="differ from call to call; 3 shapes"):
        whole.fit()
    assert len(whole.state_dict()["compiled"]["step"]) == 3
    half = trainer(make=plain, epochs=1)
    resumed = trainer(make=plain, epochs=2)
    half.batches = resumed.batches = OfManySizes()
    with pytest.warns(UserWarning):
        half.fit()
    resumed.load_state_dict(half.state_dict())
    with pytest.warns(UserWarning):
        resumed.fit()
    assert results(resumed) == results(whole)
    assert resumed.state_dict()["compiled"] == whole.state_dict()["compiled"]


def test_compiling_again_and_again_is_told(monkeypatch):
    compiling = importlib.import_module("chainrule.compiler.compile")
    monkeypatch.setattr(compiling, "MANY_RECORDINGS", 3)

    class Change(Callback):
        def step_ends(self, trainer):
            monkeypatch.setitem(globals(), "weight", weight * 0.9)

    with pytest.warns(UserWarning, match="compiled 3 times, at last because of .*'weight'"):
        fitted(loss=weighted, callbacks=[Change()], epochs=2, validation=None, metrics=None)


# -- evaluation ------------------------------------------------------------------------


def test_an_evaluation_can_be_compiled():
    t = trainer()
    arguments = t.model, DataLoader(points(25), 10), t.loss_function, t.metrics
    eager = evaluate(*arguments, compile=False)
    assert evaluate(*arguments, compile=True, engine="reference") == eager
    assert evaluate(*arguments, compile=True) == pytest.approx(eager, rel=1e-5)
    assert evaluate(*arguments) == eager


def test_an_evaluation_that_cannot_be_compiled():
    t = trainer(Peek, compile=False)
    arguments = t.model, [(x[None], y[None]) for x, y in points(60)], t.loss_function
    with pytest.raises(TraceError):
        evaluate(*arguments, compile=True)
    with pytest.warns(UserWarning, match="the evaluation runs eagerly"):
        evaluate(*arguments)


# -- the parts -------------------------------------------------------------------------


class Holder:
    kind = "whole"

    def __init__(self):
        self.values, self.names, self.pair = {"a": [1, 2]}, {"x"}, ([], 3)


def test_a_rollback_restores_containers_objects_classes_tensors_and_variables():
    holder, x, number = Holder(), cr.ones(2), 1
    values, names, inner = holder.values, holder.names, holder.values["a"]

    def change():
        nonlocal number
        number += 1
        holder.values["a"].append(3)
        holder.values["b"] = 4
        holder.names.clear()
        holder.pair[0].append(5)
        holder.more = Holder.kind = "more"
        x.add_(1)
        cr.rand(3)
        np.random.rand()
        random.random()

    first = cr.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()
    before = Rollback(change, holder, x)
    change()
    before.undo()
    assert (number, x.tolist(), Holder.kind, vars(holder).keys()) == (
        1, [1.0, 1.0], "whole", {"values", "names", "pair"},
    )  # fmt: skip
    assert holder.values is values == {"a": [1, 2]} and values["a"] is inner
    assert holder.names is names == {"x"} and holder.pair == ([], 3)
    assert first == (
        cr.get_rng_state().tolist(), str(np.random.get_state()), random.getstate(),
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="starts a process")
def test_importing_chainrule_loads_no_compiler():
    program = (
        "import sys, chainrule, chainrule.cli.main; "
        "print([m for m in sys.modules if 'llvm' in m or 'engines.native' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[]\n", "")
