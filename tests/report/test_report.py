"""The callback: it writes down what happens, changes nothing, and reports whatever the end."""

import errno
import html
import re
import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.data import DataLoader, IterableDataset, TensorDataset
from chainrule.errors import RunError
from chainrule.journal import Journal, read_journal
from chainrule.metrics import Accuracy
from chainrule.report import Report
from chainrule.report.run import read_run
from chainrule.train import Callback, Checkpoint, Trainer


class Noisy(nn.Module):
    """A classifier that draws random numbers and keeps statistics."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3)
        )

    def forward(self, x):
        return self.net(x.flatten(1))


def points(n=48):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 1, 2, 2)).astype(np.float32)
    return TensorDataset(cr.tensor(x), cr.tensor((x.sum((1, 2, 3)) > 0).astype(np.int64)))


def training(*callbacks, epochs=3, model=None, **options):
    cr.manual_seed(0)
    model = model or Noisy()
    optimizer = cr.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    given = {
        "batches": DataLoader(points(), batch_size=8, shuffle=True),
        "validation": DataLoader(points(30), batch_size=8, shuffle=True),
        "metrics": {"accuracy": Accuracy()}, "compile": False, **options,
    }  # fmt: skip
    loss = given.pop("loss_function", nn.CrossEntropyLoss())
    return Trainer(model, loss, optimizer, epochs=epochs, callbacks=callbacks, **given)


def weights(trainer):
    return {name: x.tolist() for name, x in trainer.model.state_dict().items()}


@pytest.mark.parametrize("compile", [False, None])
def test_the_training_is_bit_for_bit_the_same(tmp_path, compile):
    left = []
    for callbacks in ([], [Report(tmp_path)]):
        trainer = training(*callbacks, compile=compile)
        trainer.fit()
        left.append((weights(trainer), cr.rand(1).item(), trainer.model.training))
    assert left[0] == left[1]


def test_the_journal_has_what_the_history_has(tmp_path):
    trainer = training(Report(tmp_path, config={"data": "points"}))
    history = trainer.fit()
    run = read_run(tmp_path)
    assert run.steps["train_loss"].steps == list(range(1, 19))
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        assert list(run.epochs[name].values) == [record[name] for record in history]
    facts = run.facts
    assert facts["model"] == "Noisy" and facts["optimizer"] == "SGD" and facts["seed"] == 0
    assert facts["parameters"] == sum(p.numel() for p in trainer.model.parameters())
    assert facts["config"]["data"] == "points" and facts["config"]["epochs"] == 3
    assert facts["config"]["optimizer"]["momentum"] == 0.9
    assert facts["environment"]["chainrule"] == cr.__version__
    assert run.state == "finished" and run.of_kind("note") == []
    root = run.last("architecture")["root"]
    assert root["type"] == "Noisy" and root["parameters"] == facts["parameters"]
    assert "Noisy" in (tmp_path / "report.html").read_text()


def test_the_confusion_matrix_and_mistakes_are_the_model_s(tmp_path):
    trainer = training(Report(tmp_path, labels=["low", "high", "none"]))
    trainer.fit()
    data = points(30)
    trainer.model.eval()
    with cr.no_grad():
        outputs = trainer.model(data.tensors[0])
    losses = nn.CrossEntropyLoss(reduction="none")(outputs, data.tensors[1]).numpy()
    truth, chosen = data.tensors[1].numpy(), outputs.argmax(1).numpy()
    found = read_run(tmp_path).last("confusion")
    expected = [[int(((truth == i) & (chosen == j)).sum()) for j in range(3)] for i in range(3)]
    assert found["counts"] == expected and found["labels"] == ["low", "high", "none"]
    items = read_run(tmp_path).last("mistakes")["items"]
    wrong = np.sort(losses[truth != chosen])[::-1]
    assert np.allclose([item["loss"] for item in items], wrong, atol=1e-5)
    assert all(item["target"] != item["prediction"] for item in items)


def test_regression_shows_the_samples_with_the_highest_loss(tmp_path):
    x = cr.linspace(-1, 1, 20).reshape(20, 1)
    data = DataLoader(TensorDataset(x, x**3), batch_size=5)
    trainer = training(
        Report(tmp_path), model=nn.Linear(1, 1), loss_function=nn.MSELoss(), batches=data,
        validation=None, metrics=None,
    )  # fmt: skip
    trainer.fit()
    with cr.no_grad():
        errors = ((trainer.model(x) - x**3) ** 2).numpy().ravel()
    items = read_run(tmp_path).last("mistakes")["items"]
    assert np.allclose([item["loss"] for item in items], np.sort(errors)[::-1], rtol=1e-4)
    assert set(items[0]) == {"row", "target", "prediction", "loss"}
    assert read_run(tmp_path).last("confusion") is None


@pytest.mark.parametrize(("loss", "end"), [(nn.BCEWithLogitsLoss(), []), (nn.BCELoss(), [1])])
def test_two_classes_from_one_output(tmp_path, loss, end):
    x = cr.linspace(-1, 1, 20).reshape(20, 1)
    data = DataLoader(TensorDataset(x, (x > 0.2).float()), batch_size=5)
    model = nn.Sequential(nn.Linear(1, 1), *[nn.Sigmoid() for _ in end])
    trainer = training(
        Report(tmp_path), model=model, loss_function=loss, batches=data, validation=data,
        metrics=None,
    )  # fmt: skip
    trainer.fit()
    counts = np.array(read_run(tmp_path).last("confusion")["counts"])
    assert counts.shape == (2, 2) and list(counts.sum(1)) == [12, 8]


def test_a_batch_is_the_first_one_of_the_training(tmp_path):
    seen = []

    class Seeing(Noisy):
        def forward(self, x):
            seen.append(x.tolist())
            return super().forward(x)

    training(Report(tmp_path, samples=0), model=Seeing(), epochs=1, validation=None).fit()
    items = read_run(tmp_path).last("batch")["items"]
    first = np.array(seen[0]).reshape(8, 4)
    assert np.allclose([item["row"] for item in items], first)


class Ending(Callback):
    def __init__(self, error):
        self.error = error

    def step_ends(self, trainer):
        if trainer.step == 4:
            raise self.error


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (KeyboardInterrupt(), "stopped by Ctrl-C"),
        (ValueError("no <more>"), "failed: no <more>"),
        (RunError("CR803", "disk full"), "failed: CR803: disk full"),
    ],
)  # fmt: skip
def test_there_is_a_report_whatever_the_end(tmp_path, error, state):
    with pytest.raises(type(error)):
        training(Report(tmp_path), Ending(error)).fit()
    run = read_run(tmp_path)
    assert run.state == state and run.steps["train_loss"].steps == [1, 2, 3, 4]
    assert (tmp_path / "report.html").exists()


def test_a_resumed_training_goes_on_with_its_journal(tmp_path):
    whole = training(Report(tmp_path / "whole"), Checkpoint(tmp_path / "c", every_steps=4))
    whole.fit()
    cut = [Report(tmp_path / "cut"), Checkpoint(tmp_path / "d", every_steps=4)]
    with pytest.raises(KeyboardInterrupt):
        training(*cut, Ending(KeyboardInterrupt())).fit()
    again = training(
        Report(tmp_path / "cut"), Checkpoint(tmp_path / "d", every_steps=4), Callback()
    )
    assert again.resume(tmp_path / "d")
    again.fit()
    one, other = (read_run(tmp_path / name) for name in ("whole", "cut"))
    assert one.steps["train_loss"] == other.steps["train_loss"]
    assert one.epochs["validation_loss"] == other.epochs["validation_loss"]
    assert other.state == "finished"


def test_a_new_training_in_the_same_folder_takes_the_place_of_the_old(tmp_path):
    training(Report(tmp_path), epochs=3).fit()
    training(Report(tmp_path), epochs=1).fit()
    run = read_run(tmp_path)
    assert run.steps["train_loss"].steps == list(range(1, 7))
    assert run.epochs["seconds"].steps == [6] and run.state == "finished"


def test_what_cannot_be_looked_at_is_a_note_and_no_error(tmp_path):
    class Fussy(Noisy):
        def forward(self, x):
            if not self.training and len(x) == 6:
                raise ValueError("six is too few")
            return super().forward(x)

    trainer = training(Report(tmp_path), model=Fussy(), validation=None, epochs=1)
    trainer.batches = DataLoader(points(46), batch_size=8)
    trainer.fit()
    notes = [note["text"] for note in read_run(tmp_path).of_kind("note")]
    assert notes == ["The report has no answers: six is too few"]
    assert "six is too few" in (tmp_path / "report.html").read_text()


def test_a_stream_of_data_is_not_drawn_from(tmp_path):
    class Stream(IterableDataset):
        drawn = 0

        def __len__(self):
            return 16

        def __iter__(self):
            for sample in zip(*points(16).tensors, strict=True):
                type(self).drawn += 1
                yield sample

    data = DataLoader(Stream(), batch_size=8)
    training(Report(tmp_path), batches=data, validation=None, epochs=1).fit()
    assert Stream.drawn == 16
    assert read_run(tmp_path).last("batch") is None


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.warns(UserWarning, match=r"report is incomplete: CR803"):
        assert len(training(Report(tmp_path)).fit()) == 3


def test_a_disk_that_fills_up_ends_the_journal_and_not_the_training(tmp_path, monkeypatch):
    report = Report(tmp_path)
    append, lines = Journal._append, []

    class Full:
        def write(self, line):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    def appending(journal, line):
        lines.append(line)
        if len(lines) == 8:
            journal._file.close()
            journal._file = Full()
        append(journal, line)

    monkeypatch.setattr(Journal, "_append", appending)
    with pytest.warns(UserWarning, match=r"report is incomplete: CR803.*No space left") as said:
        history = training(report).fit()
    assert len(history) == 3 and len(said) == 1 and len(lines) > 8
    assert said[0].filename == __file__, "the line of the program"
    assert report.page.exists()
    assert read_run(tmp_path).steps["train_loss"].steps


def test_a_notebook_shows_the_page_once_it_is_there(tmp_path, monkeypatch):
    report = Report(tmp_path / 'a "run"')
    assert report._repr_html_() is None and repr(report).startswith("Report(")
    training(report, epochs=1).fit()
    (frame,) = re.findall(
        r'^<iframe title="Report" srcdoc="([^"]*)" style=', report._repr_html_()
    )
    assert html.unescape(frame) == report.page.read_text(encoding="utf-8")
    monkeypatch.setattr("chainrule.report.report.LARGEST_SHOWN", 99)
    assert report._repr_html_() is None


def test_the_doctor_s_looks_and_findings_are_in_the_journal(tmp_path):
    trainer = training(Report(tmp_path), doctor=True, epochs=12)
    trainer.optimizer.param_groups[0]["lr"] = 30.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit()
    run = read_run(tmp_path)
    looks = run.of_kind("layers")
    seen = {look.step for look in trainer.doctor.watch.record.looks}
    assert seen and seen <= {look["step"] for look in looks}
    assert looks[0]["layers"]["net.0"]["gradient_norm"] > 0
    assert "histogram" in looks[0]["layers"]["net.2"]
    told = {record["finding"]["code"] for record in run.of_kind("finding")}
    assert told == {finding.code for finding in trainer.doctor.findings} != set()
    assert run.facts["doctor"]["looks"] == len(trainer.doctor.watch.record.looks)


def test_a_long_training_writes_the_page_now_and_then(tmp_path, monkeypatch):
    report = Report(tmp_path)
    written = []
    monkeypatch.setattr(report, "_write_page", lambda *warn: written.append(1))
    training(report).fit()
    assert written == [1], "quick epochs leave no time for it"
    report = Report(tmp_path)
    monkeypatch.setattr(report, "_cost", 0.0)
    monkeypatch.setattr(report, "_write_page", lambda *warn: written.append(1))
    training(report).fit()
    assert len(written) == 5


def test_a_loss_that_is_lost_is_in_the_journal(tmp_path):
    class Losing(nn.Module):
        def forward(self, x, y):
            return nn.functional.cross_entropy(x, y) / 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training(Report(tmp_path), loss_function=Losing(), epochs=1).fit()
    values = {str(r["values"].get("train_loss")) for r in read_journal(tmp_path)
              if r["kind"] == "scalars"}  # fmt: skip
    assert values & {"inf", "nan"}
