"""The loop, the Trainer, and going on after an interruption."""

import json
import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DataError, RunError
from chainrule.files import write_text
from chainrule.metrics import Accuracy
from chainrule.train import (
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    Trainer,
    checkpoints,
    evaluate,
    load,
    save,
)
from chainrule.train.callback import POINTS
from chainrule.utils.data import DataLoader, TensorDataset

SCHEDULERS = {
    "none": (lambda optimizer: None, "epoch"),
    "step": (lambda optimizer: cr.optim.lr_scheduler.StepLR(optimizer, 2), "epoch"),
    "onecycle": (lambda o: cr.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=24), "step"),
    "cosine": (lambda o: cr.optim.lr_scheduler.CosineAnnealingLR(o, 24), "step"),
    "plateau": (lambda o: cr.optim.lr_scheduler.ReduceLROnPlateau(o, patience=0), "score"),
}  # fmt: skip


def points(n: int = 40) -> TensorDataset:
    """Points of the plane, whose class is on which side of a line they lie."""
    x = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    return TensorDataset(cr.from_numpy(x), cr.from_numpy((x.sum(1) > 0).astype(np.int64)))


def trainer(epochs: int = 2, optimizer: str = "Adam", schedule: str = "none", **options):
    """A small network with dropout and batch norm, so that all kinds of state matter."""
    cr.manual_seed(7)
    model = cr.nn.Sequential(
        cr.nn.Linear(2, 8), cr.nn.BatchNorm1d(8), cr.nn.ReLU(), cr.nn.Dropout(0.3),
        cr.nn.Linear(8, 2),
    )  # fmt: skip
    make = getattr(cr.optim, optimizer)(model.parameters(), lr=0.05)
    scheduler, each = SCHEDULERS[schedule]
    settings = {
        "validation": DataLoader(points(20), 7),
        "metrics": {"accuracy": Accuracy()},
        "scheduler": scheduler(make),
        "schedule_each": each,
    }
    batches = DataLoader(points(), 10, shuffle=True)
    loss = cr.nn.CrossEntropyLoss()
    return Trainer(model, loss, make, batches, epochs=epochs, **(settings | options))


def state(t: Trainer) -> dict:
    """All of its state as plain values, without the times."""
    found = t.state_dict() | {"history": untimed(t.history)}

    def plain(value):
        if isinstance(value, cr.Tensor):
            return value.tolist()
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        return value

    return plain(found)


def untimed(history: list[dict]) -> list[dict]:
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


# -- the loop --------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_it_is_the_loop_one_would_write_by_hand(schedule):
    t = trainer(epochs=3, schedule=schedule, engine="reference")
    t.fit()

    by_hand = trainer(epochs=3, schedule=schedule)
    model, optimizer, scheduler = by_hand.model, by_hand.optimizer, by_hand.scheduler
    for epoch in range(3):
        model.train()
        for x, y in by_hand.batches:
            optimizer.zero_grad()
            loss = by_hand.loss_function(model(x), y)
            loss.backward()
            optimizer.step()
            if by_hand.schedule_each == "step":
                scheduler.step()
        if schedule == "step":
            scheduler.step()
        if schedule == "plateau":
            scheduler.step(t.history[epoch]["validation_loss"])
    for ours, theirs in zip(t.model.parameters(), model.parameters(), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_the_history_has_what_was_measured():
    t = trainer(epochs=2, schedule="step")
    history = t.fit()
    assert [list(record) for record in history] == 2 * [
        ["epoch", "step", "train_loss", "learning_rate", "validation_loss",
         "validation_accuracy", "seconds"]
    ]  # fmt: skip
    assert [record["epoch"] for record in history] == [1, 2]
    assert [record["step"] for record in history] == [4, 8]
    assert history[0]["learning_rate"] == 0.05
    scores = evaluate(t.model, t.validation, t.loss_function, t.metrics, compile=True)
    assert history[-1]["validation_loss"] == scores["loss"]
    assert history[-1]["validation_accuracy"] == scores["accuracy"]


def test_the_train_loss_weighs_a_smaller_last_batch():
    spy = Spy(lambda point, t: t.loss)
    t = trainer(epochs=1)
    t = Trainer(
        t.model, t.loss_function, t.optimizer, DataLoader(points(25), 10), epochs=1,
        callbacks=[spy],
    )  # fmt: skip
    record = t.fit()[0]
    at_steps = [loss for point, loss in spy.seen if point == "step_ends"]
    expected = (10 * at_steps[0] + 10 * at_steps[1] + 5 * at_steps[2]) / 25
    assert record["train_loss"] == pytest.approx(expected, rel=1e-12)


class Spy(Callback):
    """Notes at every point what is there."""

    def __init__(self, look) -> None:
        self.seen: list = []
        for point in POINTS:
            setattr(
                self, point, lambda t, point=point: self.seen.append((point, look(point, t)))
            )

    def listens_to(self, point: str) -> bool:
        return True


def test_callbacks_are_called_at_their_points_in_order():
    spy = Spy(lambda point, t: (t.epoch, t.step, t.model.training))
    trainer(epochs=1, callbacks=[spy]).fit()
    step = ["gradients_ready", "step_ends"]
    assert [point for point, _ in spy.seen] == [
        "training_begins", "epoch_begins", *(4 * step), "epoch_ends", "training_ends", "close",
    ]  # fmt: skip
    seen = dict(spy.seen)
    assert seen["epoch_begins"] == (0, 0, True)
    assert seen["epoch_ends"] == (1, 4, True)


def test_gradients_can_be_clipped_before_the_step():
    class Freeze(Callback):
        def gradients_ready(self, trainer):
            for p in trainer.model.parameters():
                p.grad.zero_()

    t = trainer(epochs=1, optimizer="SGD", callbacks=[Freeze()])
    before = [p.tolist() for p in t.model.parameters()]
    t.fit()
    assert [p.tolist() for p in t.model.parameters()] == before


def test_close_is_called_after_an_error_too():
    class Fail(Callback):
        def step_ends(self, trainer):
            raise KeyboardInterrupt

    spy = Spy(lambda point, t: None)
    with pytest.raises(KeyboardInterrupt):
        trainer(callbacks=[Fail(), spy]).fit()
    assert [point for point, _ in spy.seen][-1] == "close"
    assert "training_ends" not in dict(spy.seen)


def test_without_validation_nothing_is_scored():
    (record,) = trainer(epochs=1, validation=None, metrics=None).fit()
    assert list(record) == ["epoch", "step", "train_loss", "learning_rate", "seconds"]


def test_evaluation_leaves_the_model_as_it_was():
    t = trainer()
    before = state(t)
    for training in (True, False):
        t.model.train(training)
        first = evaluate(t.model, t.validation, t.loss_function, t.metrics)
        assert evaluate(t.model, t.validation, t.loss_function, t.metrics) == first
        assert t.model.training is training
    assert state(t) == before
    assert all(p.grad is None for p in t.model.parameters())


def test_evaluation_of_batches_is_that_of_all_samples():
    t = trainer()
    parts = evaluate(t.model, DataLoader(points(20), 7), t.loss_function, t.metrics)
    whole = evaluate(t.model, DataLoader(points(20), 20), t.loss_function, t.metrics)
    assert parts == pytest.approx(whole, rel=1e-6)


# -- going on --------------------------------------------------------------------------


def keepers(folder) -> list[Callback]:
    return [EarlyStopping(None), History(folder / "history.jsonl"), Checkpoint(folder / "last")]


def history_of(folder) -> list[dict]:
    lines = (folder / "history.jsonl").read_text().splitlines()
    return untimed([json.loads(line) for line in lines])


@pytest.mark.parametrize(
    ("optimizer", "schedule"),
    [("SGD", "none"), ("Adam", "step"), ("AdamW", "onecycle"), ("RMSprop", "plateau"),
     ("Adagrad", "cosine")],
)  # fmt: skip
def test_three_epochs_and_three_more_are_six(tmp_path, optimizer, schedule):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = trainer(6, optimizer, schedule, callbacks=keepers(tmp_path / "whole"))
    whole.fit()

    class Interrupt(Callback):
        def step_ends(self, trainer):
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    callbacks = keepers(tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        trainer(6, optimizer, schedule, callbacks=[*callbacks, Interrupt()]).fit()
    history = tmp_path / "parts" / "history.jsonl"
    history.write_text(history.read_text() + '{"epoch": 99}\n')
    resumed = trainer(
        6, optimizer, schedule, callbacks=[*keepers(tmp_path / "parts"), Callback()]
    )
    cr.manual_seed(12345)
    assert resumed.resume(tmp_path / "parts" / "last")
    assert (resumed.epoch, len(resumed.history)) == (3, 3)
    resumed.fit()
    found, expected = state(resumed), state(whole)
    assert found.pop("callbacks")[:3] == expected.pop("callbacks")
    assert found == expected
    assert history_of(tmp_path / "parts") == history_of(tmp_path / "whole")
    assert [p.tolist() for p in resumed.model.parameters()] == [
        p.tolist() for p in whole.model.parameters()
    ]


def test_going_on_from_before_the_first_step(tmp_path):
    whole = trainer(2, callbacks=[Checkpoint(tmp_path / "new" / "last")])
    whole.call("training_begins")
    (start,) = [load(path) for path in checkpoints(tmp_path / "new" / "last")]
    whole.fit()
    resumed = trainer(2, callbacks=[Callback()])
    cr.manual_seed(99)
    resumed.load_state_dict(start)
    resumed.fit()
    found, expected = state(resumed), state(whole)
    found.pop("callbacks"), expected.pop("callbacks")
    assert found == expected


def test_a_loader_with_its_own_generator_goes_on_with_it(tmp_path):
    def make():
        generator = cr.Generator().manual_seed(3)
        t = trainer(2)
        t.batches = DataLoader(points(), 10, shuffle=True, generator=generator)
        return t

    whole = make()
    whole.fit()
    half = make()
    half.epochs = 1
    half.fit()
    save(half.state_dict(), tmp_path / "x")
    resumed = make()
    resumed.load_state_dict(load(tmp_path / "x"))
    resumed.fit()
    assert state(resumed) == state(whole)


def test_a_finished_training_stays_as_it_is():
    t = trainer(2)
    t.fit()
    before = state(t)
    t.fit()
    assert state(t) == before


CHANGES = {
    "another model": lambda s: s["model"].pop("0.weight"),
    "no epoch": lambda s: s.pop("epoch"),
    "odd callbacks": lambda s: s["callbacks"].append(3),
    "an odd epoch": lambda s: s.update(epoch="three"),
    "no generators": lambda s: s.update(generators=[]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_of_another_training(change):
    changed = trainer().state_dict()
    changed["model"] = dict(changed["model"])
    CHANGES[change](changed)
    with pytest.raises(RunError, match="CR807: this checkpoint belongs to a training"):
        trainer().load_state_dict(changed)


# -- early stopping --------------------------------------------------------------------


class Scores(Callback):
    """Puts scores of one's own into the history and marks the weights with the epoch."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores

    def epoch_ends(self, trainer):
        trainer.history[-1]["score"] = self.scores[trainer.epoch - 1]
        with cr.no_grad():
            next(iter(trainer.model.parameters())).fill_(trainer.epoch)


@pytest.mark.parametrize(
    ("scores", "patience", "higher", "epochs", "best"),
    [
        ([3, 2, 1, 2, 3, 0], 2, False, 5, 3),
        ([3, 2, 1, 2, 3, 0], 3, False, 6, 6),
        ([3, 2, 1, 2, 3, 0], None, False, 6, 3 + 3),
        ([1, 2, 3, 2, 1, 2], 2, True, 5, 3),
        ([1, 1, 1, 1, 1, 1], 2, False, 3, 1),
        ([1, math.nan, math.nan, 0.5, 1, 1], 3, False, 6, 4),
        ([math.nan, 2, 1, 3, 3, 3], 2, False, 5, 3),
    ],
)
def test_stopping_early_restores_the_best_weights(scores, patience, higher, epochs, best):
    stopping = EarlyStopping(patience, "score", higher_is_better=higher)
    t = trainer(6, callbacks=[Scores(scores), stopping])
    t.fit()
    assert t.epoch == epochs
    assert stopping.best_epoch == best
    assert (next(iter(t.model.parameters())) == best).all()


def test_an_early_end_is_remembered(tmp_path):
    def make():
        return trainer(6, callbacks=[Scores([1, 2, 3, 4, 5, 6]), EarlyStopping(2, "score")])

    t = make()
    t.fit()
    resumed = make()
    resumed.load_state_dict(t.state_dict())
    resumed.fit()
    assert resumed.epoch == t.epoch == 3


def test_watching_what_is_not_measured():
    with pytest.raises(ArgumentError, match=r"CR809.*'validation_f1'.*validation_accuracy"):
        trainer(callbacks=[EarlyStopping(monitor="validation_f1")]).fit()


# -- errors ----------------------------------------------------------------------------

WRONG = {
    "no batches": ({"batches": []}, DataError, "CR706.*batches has no batches"),
    "empty dataset": ({"batches": DataLoader(points(0), 4)}, DataError, "CR706"),
    "all dropped": (
        {"batches": DataLoader(points(3), 4, drop_last=True)},
        DataError,
        "CR706.*drop_last",
    ),
    "no validation": ({"validation": []}, DataError, "CR706.*validation has no batches"),
    "epochs": ({"epochs": -1}, ArgumentError, "CR808.*got -1"),
    "schedule": ({"schedule_each": "batch"}, ArgumentError, "CR808.*step, epoch, score, got"),
    "score": (
        {"schedule_each": "score", "validation": None},
        ArgumentError,
        "CR808.*needs validation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case):
    options, kind, message = WRONG[case]
    t = trainer()
    given = {"batches": t.batches, "epochs": 1} | options
    with pytest.raises(kind, match=message):
        Trainer(t.model, t.loss_function, t.optimizer, **given)


def test_numbers_that_json_does_not_have(tmp_path):
    t = trainer(1, callbacks=[Scores([math.nan]), History(tmp_path / "h")])
    t.fit()
    assert json.loads((tmp_path / "h").read_text())["score"] is None


def test_a_history_that_cannot_be_written(tmp_path):
    write_text(tmp_path / "file", "")
    with pytest.raises(RunError, match="CR803"):
        trainer(callbacks=[History(tmp_path / "file" / "history.jsonl")]).fit()
