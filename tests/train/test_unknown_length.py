"""Batches of which nobody knows how many there are: streams, generators, and used-up ones."""

import io
import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentTypeError, DataError
from chainrule.metrics import Accuracy
from chainrule.report import Report
from chainrule.train import Checkpoint, Progress, TensorBoard, Trainer, evaluate
from chainrule.utils.data import DataLoader, IterableDataset
from tests.support.observed import X, Y


class Stream(IterableDataset):
    """Samples that come one after the other."""

    def __iter__(self):
        return ((cr.tensor(x), cr.tensor(int(y))) for x, y in zip(X, Y, strict=True))


class Anew:
    """Batches that begin anew each time, made by a generator."""

    def __iter__(self):
        for i in range(0, 192, 32):
            yield cr.tensor(X[i : i + 32]), cr.tensor(Y[i : i + 32])


LISTED = [(cr.tensor(X[i : i + 32]), cr.tensor(Y[i : i + 32])) for i in range(0, 192, 32)]


def trainer(batches, epochs=3, **options):
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    learner = cr.optim.Adam(model.parameters(), 1e-2)
    if callable(schedule := options.pop("schedule", None)):
        options["scheduler"] = schedule(learner)
    options = {"compile": False} | options
    return Trainer(model, nn.CrossEntropyLoss(), learner, batches, epochs=epochs, **options)


def weights(t):
    return [p.tolist() for p in t.model.parameters()]


UNKNOWN = {"stream": lambda: DataLoader(Stream(), 32), "generators": Anew}


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_epoch_ends_when_the_batches_do(kind, compile):
    known, unknown = (
        trainer(LISTED),
        trainer(UNKNOWN[kind](), compile=compile, engine="reference"),
    )
    known.fit()
    unknown.fit()
    assert weights(known) == weights(unknown)
    assert [record["step"] for record in unknown.history] == [6, 12, 18]


@pytest.mark.parametrize("kind", UNKNOWN)
def test_everything_lives_with_it(kind, tmp_path):
    shown = io.StringIO()
    report = Report(tmp_path / "run")
    callbacks = [Progress(shown), report, TensorBoard(tmp_path / "board"), Checkpoint(tmp_path)]
    metrics = {"accuracy": Accuracy()}
    t = trainer(
        UNKNOWN[kind](),
        validation=UNKNOWN[kind](),
        metrics=metrics,
        callbacks=callbacks,
        doctor=True,
    )
    t.fit()
    lines = shown.getvalue().splitlines()
    assert [line[:9] for line in lines if line.startswith("epoch")] == [
        "epoch 1/3", "epoch 2/3", "epoch 3/3",
    ]  # fmt: skip
    assert "left" in lines[1]  # after an epoch its length is known
    assert t.doctor.watch.record.looks
    assert report.page.exists()
    assert t.history[-1]["validation_accuracy"] > 0.5
    resumed = trainer(UNKNOWN[kind](), epochs=4, callbacks=[])
    assert resumed.resume(tmp_path)
    resumed.fit()
    assert resumed.step == 24


def test_a_generator_serves_one_epoch():
    t = trainer((batch for batch in LISTED), epochs=1, validation=iter(LISTED))
    (record,) = t.fit()
    assert record["step"] == 6


@pytest.mark.parametrize("kind", ["generator", "map", "islice"])
@pytest.mark.parametrize("which", ["batches", "validation"])
def test_an_iterator_of_several_epochs_is_refused_before_the_first(which, kind):
    made = {
        "generator": (batch for batch in LISTED),
        "map": map(tuple, LISTED),
        "islice": itertools.islice(LISTED, 6),
    }[kind]
    options = {"batches": LISTED} | {which: made}
    t = trainer(options.pop("batches"), epochs=2, **options)
    with pytest.raises(
        DataError, match=rf"CR815: {which} is a {kind}, which gives its batches"
    ):
        t.fit()
    assert t.step == 0


class Once:
    """An iterator of somebody's own, which is used up after a pass."""

    def __init__(self):
        self.rest = list(LISTED)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.rest:
            raise StopIteration
        return self.rest.pop(0)


def test_what_is_used_up_ends_with_one_error():
    t = trainer(Once(), epochs=3)
    with pytest.raises(
        DataError, match="CR815: the Once gave no batches in this pass; give a D"
    ):
        t.fit()
    assert t.step == 6
    t = trainer(LISTED, epochs=3, validation=Once())
    with pytest.raises(DataError, match="CR815: the Once"):
        t.fit()
    assert t.step == 12


def test_an_evaluation_counts_no_batches_beforehand():
    t = trainer(LISTED, epochs=1)
    t.fit()
    known = evaluate(t.model, LISTED, t.loss_function)
    assert evaluate(t.model, DataLoader(Stream(), 32), t.loss_function) == known
    assert evaluate(t.model, iter(LISTED), t.loss_function) == known
    with pytest.raises(DataError, match="CR815"):
        evaluate(t.model, iter([]), t.loss_function)


def test_a_schedule_that_asks_for_the_length_gets_an_answer():
    loader = DataLoader(Stream(), 32)
    with pytest.raises(
        ArgumentTypeError, match=r"CR731: .*Stream is an IterableDataset.*total_"
    ):
        trainer(loader, schedule=lambda o: cr.optim.lr_scheduler.OneCycleLR(
            o, 0.1, total_steps=3 * len(loader)
        ))  # fmt: skip
    assert len(list(loader)) == 6  # a list asks, too, and goes on without
    enough = trainer(
        loader,
        schedule=lambda o: cr.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=18),
        schedule_each="step",
    )
    enough.fit()
    assert enough.step == 18
    few = trainer(
        loader,
        schedule=lambda o: cr.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=10),
        schedule_each="step",
    )
    with pytest.raises(cr.errors.ArgumentError, match="made for 10 steps, this is step 11"):
        few.fit()


def test_a_dataset_may_know_its_length_though_it_is_a_stream():
    class Counted(Stream):
        def __len__(self):
            return 192

    assert len(DataLoader(Counted(), 32)) == 6
    assert np.isfinite(trainer(DataLoader(Counted(), 32)).fit()[-1]["train_loss"])
