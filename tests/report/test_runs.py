"""Run folders of all kinds: whole, half-written, damaged, of an older version."""

import base64
import json
import math

import numpy as np
import pytest
from written_runs import write_run

from chainrule.errors import RunError
from chainrule.journal import JOURNAL, Journal
from chainrule.report.content import content_of
from chainrule.report.packing import MOST_POINTS, points_each
from chainrule.report.run import read_run
from chainrule.report.series import Series
from chainrule.report.writing import write_report


def scalars(folder, *values):
    with Journal(folder) as journal:
        for step, value in enumerate(values, start=1):
            journal.scalars(step, {"loss": value})
    return folder


def test_a_run_has_its_series_by_name(tmp_path):
    run = read_run(write_run(tmp_path / "first"))
    assert run.name == "first" and run.state == "finished"
    assert set(run.steps) == {"train_loss", "learning_rate", "extra"}
    assert run.epochs["validation_accuracy"].steps == [20, 40, 60, 80, 100, 120]
    assert run.facts["seed"] == 0 and run.facts["config"]["lr"] == 0.1
    assert read_run(tmp_path / "first" / JOURNAL).steps == run.steps


def test_values_that_are_not_finite_are_kept(tmp_path):
    series = read_run(scalars(tmp_path, 1.0, math.nan, math.inf, 0.5)).steps["loss"]
    assert series.values[0] == 1.0 and math.isnan(series.values[1])
    assert series.values[2] == math.inf and series.best("loss") == (0.5, 4)
    assert series.best("accuracy") == (1.0, 1)
    assert Series([1], [math.nan]).best("loss") is None


def test_names_that_come_and_go_keep_their_steps(tmp_path):
    with Journal(tmp_path) as journal:
        for step in range(1, 601):
            values = {"a": step / 2, "b": step} if step % 3 else {"b": math.nan, "c": 0.5}
            journal.scalars(step, {**values, "d": "text" if step == 7 else 1.0})
            if step % 100 == 0:
                journal.scalars(step, {"a": 9.0}, epoch=step // 100, epoch_end=True)
    run = read_run(tmp_path)
    thirds = list(range(3, 601, 3))
    others = [step for step in range(1, 601) if step % 3]
    assert run.steps["a"].steps == others and run.steps["c"].steps == thirds
    assert list(run.steps["a"].values) == [step / 2 for step in others]
    assert run.steps["b"].steps == list(range(1, 601))
    assert list(run.steps["b"].values[:2]) == [1.0, 2.0] and math.isnan(
        run.steps["b"].values[2]
    )
    assert run.steps["d"].steps == [step for step in range(1, 601) if step != 7]
    assert run.epochs["a"].steps == list(range(100, 601, 100)) and set(run.epochs) == {"a"}


def test_the_arrays_of_a_series_follow_what_is_added():
    series = Series()
    series.extend([2, 1], [0.5, 1.0])
    assert [each.tolist() for each in series.arrays()] == [[1, 2], [1.0, 0.5]]
    series.add(3, "inf")
    series.add(4, None)
    assert series.arrays()[1].tolist() == [1.0, 0.5, math.inf]


def older(folder, *lines, config=None):
    """A run as the versions before the journal left it."""
    folder.mkdir(exist_ok=True)
    (folder / "history.jsonl").write_text("".join(line + "\n" for line in lines))
    if config is not None:
        (folder / "config.json").write_text(config)
    return folder


LINES = [
    '{"epoch": 1, "step": 20, "train_loss": 1.5, "validation_accuracy": 0.5}',
    '{"epoch": 2, "step": 40, "train_loss": null, "validation_accuracy": 0.75}',
]


def test_a_run_of_an_older_version_has_a_report_too(tmp_path):
    config = '{"recipe": {"seed": 4, "lr": 0.1}, "environment": {"numpy": "2.0"}}'
    run = read_run(older(tmp_path / "old", *LINES, config=config))
    assert list(run.epochs["validation_accuracy"].values) == [0.5, 0.75]
    assert run.epochs["validation_accuracy"].steps == [20, 40]
    assert list(run.epochs["train_loss"].values) == [1.5]
    assert run.facts["seed"] == 4 and run.facts["environment"] == {"numpy": "2.0"}
    assert run.state == "unknown"
    page = write_report(tmp_path / "old")
    assert page == tmp_path / "old" / "report.html" and "0.75" in page.read_text()


def test_an_empty_journal_falls_back_on_the_history(tmp_path):
    older(tmp_path / "old", *LINES)
    (tmp_path / "old" / JOURNAL).touch()
    assert list(read_run(tmp_path / "old").epochs["train_loss"].values) == [1.5]


@pytest.mark.parametrize("config", ["", "[]", '"x"', "{", '{"recipe": 3}', '{"recipe": {"a":']
)  # fmt: skip
def test_a_damaged_config_costs_only_itself(tmp_path, config):
    run = read_run(older(tmp_path / "old", LINES[0], "{half", LINES[1], config=config))
    assert list(run.epochs["validation_accuracy"].values) == [0.5, 0.75]
    write_report(tmp_path / "old")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "CR821"), ({JOURNAL: ""}, "CR821"), ({"history.jsonl": ""}, "CR821"),
        ({"config.json": "{}"}, "CR821"), ({JOURNAL: "PK\x03"}, "CR822"),
        ({JOURNAL: '{"kind":"journal","version":9}\n'}, "CR823"),
        ({JOURNAL: "no\n", "history.jsonl": LINES[0]}, "CR822"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_one_clear_error_and_stays_as_it_is(tmp_path, files, code):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(RunError) as caught:
        write_report(tmp_path)
    assert caught.value.code == code
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == files


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"CR821.*no such folder"):
        read_run(tmp_path / "none")


HEADER = '{"kind":"journal","version":1,"started":"2026-01-01T00:00:00+00:00"}\n'


def lines(*records):
    header = '{"kind":"journal","version":1,"started":"nonsense"}'
    return "\n".join([header, *map(json.dumps, records)]) + "\n"


def histogram(**content):
    return {"kind": "layers", "step": 1, "layers": {"a": {"histogram": content}}}


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "scalars"}, {"kind": "scalars", "step": 1, "values": [1]},
        {"kind": "scalars", "step": 1, "values": {"loss": "x", "b": None, "c": [1], "": 2}},
        {"kind": "scalars", "step": -5, "values": {"loss": 1}, "time": "x", "epoch": "one"},
        {"kind": "scalars", "step": 10**12, "values": {"loss": 10**400}, "time": 1e300},
        {"kind": "layers", "step": 1, "layers": []}, {"kind": "layers", "layers": {"a": 3}},
        {"kind": "layers", "layers": {"a": {"dead": "x", "new": 2, "histogram": {"low": 0}}}},
        histogram(low=1, high=0, counts=[1]), histogram(low=1, high=1, counts=[4]),
        histogram(low=0, high=1, counts=[0]), histogram(low="nan", high=1, counts=[1]),
        histogram(low=0, high=1, counts=[1, "x"]), histogram(low=0, high=1, counts=[-1, 1]),
        {"kind": "finding"}, {"kind": "finding", "finding": 3},
        {"kind": "finding", "finding": {"severity": 7, "consequences": 5, "step": "x"}},
        {"kind": "architecture"}, {"kind": "architecture", "root": {"children": [None, 3, {}]}},
        {"kind": "confusion"}, {"kind": "confusion", "counts": [[1, 2]]},
        {"kind": "confusion", "counts": [["x"]]}, {"kind": "confusion", "counts": [[1]]},
        {"kind": "mistakes", "items": 3}, {"kind": "batch", "items": [None, {"row": 3}, {}]},
        {"kind": "run", "config": 3, "environment": [1], "parameters": "x"},
        {"kind": "end", "state": 3}, {"kind": "note"}, {"kind": "note", "text": [1]},
    ],
)  # fmt: skip
def test_malformed_records_leave_a_report_all_the_same(tmp_path, record):
    (tmp_path / JOURNAL).write_text(
        lines(record, {"kind": "scalars", "step": 1, "values": {"good": 0.5}})
    )
    content = content_of(read_run(tmp_path))
    assert "Good" in {chart["title"] for chart in content["charts"]}
    write_report(tmp_path)


def test_histograms_are_brought_to_one_scale(tmp_path):
    with Journal(tmp_path) as journal:
        for step, high in ((1, 1.0), (2, 2.0)):
            fact = {"histogram": {"low": 0.0, "high": high, "counts": [4, 4]}}
            journal.layers(step, {"fc": fact})
    content = content_of(read_run(tmp_path))
    [histogram] = content["layers"]["histograms"]
    assert (histogram["low"], histogram["high"]) == (0.0, 2.0)
    levels = unpacked(content["arrays"][histogram["levels"]]).reshape(2, -1)
    assert np.all(levels[0, :24] == 255) and np.all(levels[0, 24:] == 0)
    assert np.allclose(levels[1], 255 * math.sqrt(0.5), atol=1)


def unpacked(text):
    kinds = {"b": "u1", "u": "<u4", "f": "<f4", "d": "<f8"}
    return np.frombuffer(base64.b64decode(text[1:]), kinds[text[0]])


def test_the_page_has_the_numbers_of_the_run(tmp_path):
    run = read_run(write_run(tmp_path))
    content = content_of(run)
    charts = {chart["title"]: chart for chart in content["charts"]}
    assert list(charts) == [
        "Loss",
        "Accuracy",
        "Extra",
        "Learning rate",
        "Seconds for each epoch",
    ]
    loss = {line["label"]: line["data"] for line in charts["Loss"]["lines"]}
    assert set(loss) == {"training, each step", "training, mean of the epoch", "validation"}
    steps, values = (unpacked(content["arrays"][place]) for place in loss["validation"])
    assert list(steps) == run.epochs["validation_loss"].steps
    assert np.allclose(values, run.epochs["validation_loss"].values)
    assert len(charts["Learning rate"]["lines"]) == 1


def timed(kind, step, time):
    return {"kind": kind, "step": step, "time": time, "values": {"loss": 1.0}}


def test_pauses_do_not_count_as_training(tmp_path):
    (tmp_path / JOURNAL).write_text(
        lines(
            timed("scalars", 1, 1000.0),
            timed("scalars", 2, 1001.0),
            timed("scalars", 3, 1002.0),
            timed("resumed", 2, 5000.0),
            timed("scalars", 3, 5001.5),
        )
    )
    assert content_of(read_run(tmp_path))["clock"][2:] == [[1, 2, 3], [0.0, 1.0, 2.5]]


def test_a_run_that_begins_anew_begins_its_time_anew(tmp_path):
    (tmp_path / JOURNAL).write_text(
        HEADER + json.dumps(timed("scalars", 1, 1767225601.0)) + "\n"
        + json.dumps(timed("resumed", 0, 1767229000.0)) + "\n"
        + json.dumps(timed("scalars", 1, 1767229002.0)) + "\n"
    )  # fmt: skip
    assert content_of(read_run(tmp_path))["clock"][2:] == [[1], [2.0]]


def test_what_follows_from_a_finding_is_no_finding_of_its_own(tmp_path):
    with Journal(tmp_path) as journal:
        journal.finding(1, {"code": "D20", "title": "late", "severity": "fatal"})
        journal.finding(2, {"code": "D18", "title": "root", "consequences": ["late", "other"]})
        journal.finding(3, {"code": "D37", "title": "aside", "severity": "note"})
        journal.finding(3, {"code": "D17", "title": "grave", "severity": "fatal"})
    codes = [each["code"] for each in content_of(read_run(tmp_path))["findings"]]
    assert codes == ["D17", "D18", "D37"]
    with Journal(tmp_path) as journal:
        journal.finding(3, {"code": "D37", "title": "aside", "place": 0})
        journal.finding(3, {"code": "D17", "title": "grave", "place": 1})
        root = {"code": "D18", "title": "root", "consequences": ["late"], "place": 2}
        journal.finding(2, root)
    codes = [each["code"] for each in content_of(read_run(tmp_path))["findings"]]
    assert codes == ["D37", "D17", "D18"]


def test_findings_that_follow_from_each_other_are_all_shown(tmp_path):
    with Journal(tmp_path) as journal:
        journal.finding(1, {"code": "D1", "title": "a", "consequences": ["b"]})
        journal.finding(1, {"code": "D2", "title": "b", "consequences": ["a"]})
    assert len(content_of(read_run(tmp_path))["findings"]) == 2


def test_a_thousand_series_share_the_points_of_a_page():
    assert points_each(1) == 1600 and 1000 * points_each(1000) <= MOST_POINTS
