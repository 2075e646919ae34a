"""Many runs in one page."""

import json
import re
import time

import pytest
from written_runs import write_curves, write_run

from chainrule.cli.main import main
from chainrule.errors import ArgumentError, RunError
from chainrule.journal import Journal
from chainrule.report import write_comparison
from chainrule.report.overview import read_overview
from chainrule.report.run import read_run


def content(page):
    text = re.search(r'<script type="application/json" id="content">(.*?)</script>', page)
    return json.loads(text[1])


def small(folder, **config):
    with Journal(folder) as journal:
        journal.write("run", config=config, seed=0)
        write_curves(journal, epochs=2, per_epoch=5)
        journal.write("end", state="finished")
    return folder


def test_the_page_has_configurations_scores_and_curves(tmp_path):
    runs = [small(tmp_path / "a", lr=0.1, net={"width": 3}), small(tmp_path / "b", lr=0.2)]
    path, refused = write_comparison(runs, tmp_path / "both.html")
    assert refused == []
    found = content(path.read_text())
    assert [run["name"] for run in found["runs"]] == ["a", "b"]
    assert found["runs"][0]["config"] == {"seed": 0, "lr": 0.1, "net.width": 3}
    whole = read_run(runs[0])
    score = found["runs"][0]["scores"]["validation_loss"]
    assert score["best"] == min(whole.epochs["validation_loss"].values)
    assert set(found["runs"][0]["curves"]) == {
        "train_loss", "learning_rate", "validation_loss", "validation_accuracy", "seconds",
    }  # fmt: skip
    assert found["titles"]["validation_loss"] == "Loss, validation"


def test_an_overview_has_all_epochs_and_the_last_step(tmp_path):
    write_run(tmp_path)
    whole, little = read_run(tmp_path), read_overview(tmp_path, 10)
    assert little.epochs.keys() == whole.epochs.keys()
    assert little.epochs["validation_loss"].values == whole.epochs["validation_loss"].values
    assert len(little.steps["train_loss"].steps) <= 12
    with Journal(tmp_path) as journal:
        journal.scalars(121, {"train_loss": 0.5})
    assert read_overview(tmp_path, 10).steps["train_loss"].steps[-1] == 121
    assert little.of_kind("layers") == [] and little.state == "finished"
    assert little.facts == whole.facts and little.of_kind("finding") == whole.of_kind("finding")
    assert read_overview(tmp_path, 10_000).steps == read_run(tmp_path).steps


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    runs = [small(tmp_path / name / "run") for name in ("x", "y")]
    path, _ = write_comparison([*runs, runs[0]], tmp_path / "page.html")
    assert [run["name"] for run in content(path.read_text())["runs"]] == list(map(str, runs))


def test_runs_that_cannot_be_read_are_named_and_left_out(tmp_path, capsys):
    run = small(tmp_path / "good")
    (tmp_path / "empty").mkdir()
    command = ["compare", str(run), str(tmp_path / "empty"), "--out", str(tmp_path / "c.html")]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.err.startswith("chainrule: left out: ") and str(tmp_path / "empty") in said.err
    found = content((tmp_path / "c.html").read_text())
    assert len(found["runs"]) == 1 and len(found["refused"]) == 1


def test_nothing_to_compare_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"CR825.*none of the 2 runs"):
        write_comparison([tmp_path, tmp_path / "none"], tmp_path / "c.html")
    with pytest.raises(ArgumentError, match=r"CR824.*got 501"):
        write_comparison([tmp_path / str(i) for i in range(501)], tmp_path / "c.html")
    with pytest.raises(ArgumentError, match=r"CR824.*got 0"):
        write_comparison([], tmp_path / "c.html")
    assert list(tmp_path.iterdir()) == []


def test_hundreds_of_runs_take_seconds(tmp_path):
    small(tmp_path / "0", lr=0.1)
    text = (tmp_path / "0" / "journal.jsonl").read_bytes()
    for i in range(1, 500):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "journal.jsonl").write_bytes(text)
    began = time.process_time()
    path, refused = write_comparison(
        [tmp_path / str(i) for i in range(500)], tmp_path / "c.html"
    )
    assert time.process_time() - began < 4
    assert refused == [] and len(content(path.read_text())["runs"]) == 500
