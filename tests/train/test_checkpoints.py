"""Checkpoints: complete or not there, bounded in number, and killed at every system call."""

import json
import os
import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, RunError
from chainrule.metrics import Accuracy
from chainrule.train import (
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    Trainer,
    checkpoints,
    load,
    load_checkpoint,
    save_checkpoint,
)
from chainrule.train.checkpoints import keep_only, next_path
from chainrule.utils.data import DataLoader, Dataset, TensorDataset

STATE = {"w": cr.arange(6).reshape(2, 3), "epoch": 3, "lr": 0.1 + 0.2, "deep": [(None, {})]}
OTHER = {"w": cr.ones(4), "epoch": 4, "lr": 0.5, "deep": []}


def plain(value):
    """Values that compare, bit for bit."""
    if isinstance(value, cr.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "seconds"}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return repr(value)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- one checkpoint --------------------------------------------------------------------


def test_it_comes_back_as_it_was(tmp_path):
    save_checkpoint(STATE, tmp_path / "000001-step-7")
    assert names(tmp_path) == ["000001-step-7"]
    assert names(tmp_path / "000001-step-7") == ["state.json", "tensors.safetensors"]
    for read in (load_checkpoint, load):
        assert plain(read(tmp_path / "000001-step-7")) == plain(STATE)


def test_names_count_upwards_and_strangers_are_left_alone(tmp_path):
    assert checkpoints(tmp_path / "nothing") == []
    for stranger in ("notes", "12-step-3", ".writing-1-000009-step-2"):
        (tmp_path / stranger).mkdir()
    assert next_path(tmp_path, 7) == tmp_path / "000001-step-7"
    for step in (7, 3):
        save_checkpoint(STATE, next_path(tmp_path, step))
    (tmp_path / "1000000-step-9").mkdir()
    found = ["000001-step-7", "000002-step-3", "1000000-step-9"]
    assert [path.name for path in checkpoints(tmp_path)] == found
    assert next_path(tmp_path, 8).name == "1000001-step-8"
    keep_only(tmp_path, [tmp_path / "000002-step-3"])
    assert names(tmp_path) == ["000002-step-3", "12-step-3", "notes"]


CALLS = ["open", "write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "close"]


def die_at_call(number: int, monkeypatch) -> None:
    """From now on, the call of the system with this number is the last thing that happens."""
    left = [number]

    def deadly(call):
        def counted(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return counted

    for name in CALLS:
        monkeypatch.setattr(os, name, deadly(getattr(os, name)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_killed_at_any_call_of_the_system_a_checkpoint_is_the_old_or_the_new(tmp_path):
    folder = tmp_path / "last"
    outcomes = []
    for number in range(200):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        save_checkpoint(STATE, folder / "000001-step-1")
        child = os.fork()
        if child == 0:
            die_at_call(number, pytest.MonkeyPatch())
            save_checkpoint(OTHER, next_path(folder, 2))
            keep_only(folder, [folder / "000002-step-2"])
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        found = checkpoints(folder)
        states = [plain(load_checkpoint(path)) for path in found]
        assert states in ([plain(STATE)], [plain(STATE), plain(OTHER)], [plain(OTHER)])
        outcomes.append(len(states) + 10 * (found[-1].name == "000002-step-2"))
        save_checkpoint(OTHER, next_path(folder, 3))  # as a resumed training does
        keep_only(folder, checkpoints(folder)[-1:])
        assert len(names(folder)) == 1, "nothing of the killed one is left"
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert status == 0 and number >= 10
    assert set(outcomes) == {1, 12, 11}, "killed before, between and after"


@pytest.mark.parametrize("harm", ["fsync", "rename", "mkdir", "replace"])
def test_a_full_disk_keeps_the_earlier_ones(tmp_path, monkeypatch, harm):
    save_checkpoint(STATE, tmp_path / "000001-step-1")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, harm, full)
    with pytest.raises(RunError, match=r"CR803.*No space left"):
        save_checkpoint(OTHER, tmp_path / "000002-step-2")
    monkeypatch.undo()
    assert names(tmp_path) == ["000001-step-1"]
    assert plain(load_checkpoint(tmp_path / "000001-step-1")) == plain(STATE)


DAMAGES = {
    "tensors gone": lambda c: (c / "tensors.safetensors").unlink(),
    "tensors cut": lambda c: (c / "tensors.safetensors").write_bytes(b"\x10"),
    "values gone": lambda c: (c / "state.json").unlink(),
    "values cut": lambda c: (c / "state.json").write_text('{"dict": [["w", {"ten'),
    "no text": lambda c: (c / "state.json").write_bytes(b"\xff\xfe\x00"),
    "another's values": lambda c: (c / "state.json").write_text('{"tensor": "x"}'),
    "no pairs": lambda c: (c / "state.json").write_text('{"dict": [1, 2]}'),
    "too deep": lambda c: (c / "state.json").write_text("[" * 100_000 + "]" * 100_000),
    "empty": lambda c: (c / "state.json").write_text("{}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint(tmp_path, damage):
    save_checkpoint(STATE, tmp_path / "000001-step-1")
    DAMAGES[damage](tmp_path / "000001-step-1")
    with pytest.raises(RunError, match=r"CR804.*000001-step-1"):
        load_checkpoint(tmp_path / "000001-step-1")


# -- the callback ----------------------------------------------------------------------


class Noisy(Dataset):
    """Points whose reading draws from all three generators."""

    def __init__(self) -> None:
        self.x = cr.from_numpy(np.random.default_rng(0).normal(size=(30, 2)).astype("float32"))

    def __getitem__(self, i):
        noise = cr.randn(2) * 0.1 + random.random() * 0.1 + float(np.random.rand()) * 0.1
        return self.x[i] + noise, (self.x[i].sum() > 0).long()

    def __len__(self):
        return len(self.x)


def trainer(*callbacks: Callback, epochs: int = 3, workers: int = 0, **loader) -> Trainer:
    cr.manual_seed(7)
    random.seed(1)
    np.random.seed(2)
    model = cr.nn.Sequential(
        cr.nn.Linear(2, 8), cr.nn.BatchNorm1d(8), cr.nn.ReLU(), cr.nn.Dropout(0.3),
        cr.nn.Linear(8, 2),
    )  # fmt: skip
    optimizer = cr.optim.Adam(model.parameters(), lr=0.05)
    options = {"batch_size": 4, "shuffle": True, "num_workers": workers} | loader
    return Trainer(
        model,
        cr.nn.CrossEntropyLoss(),
        optimizer,
        DataLoader(Noisy(), **options),
        DataLoader(Noisy(), 10),
        epochs=epochs,
        scheduler=cr.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=8 * epochs),
        schedule_each="step",
        metrics={"accuracy": Accuracy()},
        callbacks=[*callbacks, Unpredictable()],
    )


class Unpredictable(Callback):
    """A program of one's own that draws from the global generators."""

    def gradients_ready(self, trainer):
        for p in trainer.model.parameters():
            p.grad.mul_(1 + 0.01 * random.random() + 0.01 * float(np.random.randn()))


def everything(t: Trainer) -> dict:
    state = t.state_dict()
    state.pop("callbacks")
    return plain(state)


class StopAt(Callback):
    """Ends the program, as it were, after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_ends(self, trainer):
        if trainer.step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [1, 7, 8, 9, 19, 24])
def test_interrupted_in_an_epoch_and_resumed_is_uninterrupted(tmp_path, stop, workers):
    def keepers(folder, *more):
        last = Checkpoint(folder / "checkpoints", every_steps=1)
        return [EarlyStopping(None), History(folder / "history.jsonl"), last, *more]

    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = trainer(*keepers(tmp_path / "whole"), workers=0)
    whole.fit()
    with pytest.raises(KeyboardInterrupt):
        trainer(*keepers(tmp_path / "parts", StopAt(stop)), workers=workers).fit()
    resumed = trainer(*keepers(tmp_path / "parts", Callback()), workers=2 - workers)
    cr.manual_seed(99)
    random.seed(99)
    assert resumed.resume(tmp_path / "parts" / "checkpoints")
    assert resumed.step == stop
    resumed.fit()
    assert everything(resumed) == everything(whole)
    lines = [
        [json.loads(x) for x in (tmp_path / name / "history.jsonl").read_text().splitlines()]
        for name in ("parts", "whole")
    ]
    assert plain(lines[0]) == plain(lines[1])


def test_a_bounded_number_and_the_best_stay(tmp_path):
    class Scored(Callback):
        def epoch_ends(self, t):
            t.history[-1]["score"] = [1.0, 9.0, 3.0, 4.0, 5.0][t.epoch - 1]

    last = Checkpoint(tmp_path, keep=2, monitor="score", higher_is_better=True)
    trainer(Scored(), last, epochs=5).fit()
    assert [p.name.partition("-")[2] for p in checkpoints(tmp_path)] == [
        "step-16", "step-32", "step-40",
    ]  # fmt: skip
    assert load(last.best_path())["epoch"] == 2
    again = Checkpoint(tmp_path, monitor="score")
    assert again.best_path() is None
    again.load_state_dict(last.state_dict())
    assert (again.best_path(), again.best.score) == (last.best_path(), 9.0)


def test_every_so_many_seconds(tmp_path, monkeypatch):
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr("chainrule.train.keeping.time.perf_counter", lambda: next(clock))
    trainer(Checkpoint(tmp_path / "often", keep=99, every_seconds=5), epochs=1).fit()
    assert len(checkpoints(tmp_path / "often")) == 1 + 8 + 1
    trainer(Checkpoint(tmp_path / "never", keep=99, every_seconds=1e6), epochs=1).fit()
    assert len(checkpoints(tmp_path / "never")) == 2


def test_nothing_to_resume(tmp_path):
    assert not trainer().resume(tmp_path / "nothing")


def test_a_full_disk_ends_the_training_and_keeps_the_last(tmp_path, monkeypatch):
    t = trainer(Checkpoint(tmp_path))
    rename = os.rename

    def full_after_two(source, target):
        if t.epoch == 2:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", full_after_two)
    with pytest.raises(RunError, match=r"CR803.*No space left"):
        t.fit()
    assert load(checkpoints(tmp_path)[-1])["epoch"] == 1
    assert len(names(tmp_path)) == 2


def test_batches_that_do_not_know_how_far_they_are(tmp_path):
    x, y = next(iter(DataLoader(Noisy(), 30)))
    t = trainer()
    given = {"epochs": 1, "callbacks": [Checkpoint(tmp_path, every_steps=1)]}
    with pytest.raises(ArgumentError, match=r"CR812.*type list.*DataLoader"):
        Trainer(t.model, t.loss_function, t.optimizer, [(x, y)], **given).fit()
    assert checkpoints(tmp_path) == []
    given["callbacks"] = [Checkpoint(tmp_path)]
    Trainer(t.model, t.loss_function, t.optimizer, [(x, y)], **given).fit()
    assert len(checkpoints(tmp_path)) == 2


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"every_steps": 0}])
def test_numbers_that_are_too_small(tmp_path, wrong):
    with pytest.raises(ArgumentError, match="CR808"):
        Checkpoint(tmp_path, **wrong)


def test_tensor_datasets_go_on_too(tmp_path):
    x = cr.linspace(-1, 1, 16).reshape(16, 1)

    def make(*callbacks):
        cr.manual_seed(0)
        model = cr.nn.Linear(1, 1)
        optimizer = cr.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        data = DataLoader(TensorDataset(x, 2 * x), batch_size=4, shuffle=True)
        return Trainer(model, cr.nn.MSELoss(), optimizer, data, epochs=4, callbacks=callbacks)

    whole = make()
    whole.fit()
    with pytest.raises(KeyboardInterrupt):
        make(Checkpoint(tmp_path, every_steps=1), StopAt(6)).fit()
    resumed = make(Checkpoint(tmp_path, every_steps=3), Callback())
    assert resumed.resume(tmp_path)
    resumed.fit()
    assert everything(resumed) == everything(whole)
