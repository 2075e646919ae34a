"""The numbers of a run for other programs: all of them, exactly."""

import csv
import json
import math

import pytest

from chainrule.cli.main import main
from chainrule.errors import RunError
from chainrule.journal import Journal
from chainrule.report.export import write_csv, write_jsonl
from chainrule.report.run import read_run


@pytest.fixture
def folder(tmp_path):
    with Journal(tmp_path / "run") as journal:
        journal.scalars(1, {"loss": 0.1 + 0.2, "a,b": "x\ny"})
        journal.scalars(2, {"loss": math.nan}, epoch=1)
        journal.scalars(2, {"score": 7}, epoch=1, epoch_end=True)
    return tmp_path / "run"


def test_csv_has_a_column_for_each_name(folder, tmp_path):
    write_csv(read_run(folder), tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "epoch", "loss", "a,b", "score"]
    assert float(rows[0]["loss"]) == 0.1 + 0.2 and rows[0]["a,b"] == "x\ny"
    assert rows[1]["loss"] == "nan" and rows[1]["epoch"] == ""
    assert (rows[2]["epoch"], rows[2]["score"], rows[2]["loss"]) == ("1", "7", "")


def test_json_lines_have_what_there_is(folder, tmp_path):
    write_jsonl(read_run(folder), tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert rows == [
        {"step": 1, "loss": 0.1 + 0.2, "a,b": "x\ny"}, {"step": 2, "loss": "nan"},
        {"step": 2, "epoch": 1, "score": 7},
    ]  # fmt: skip


def test_a_run_without_scalars_gives_a_table_without_rows(tmp_path):
    with Journal(tmp_path / "run") as journal:
        journal.write("run", seed=1)
    write_csv(read_run(tmp_path / "run"), tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text() == "step,epoch\n"


def test_a_file_that_cannot_be_written_is_an_error(folder, tmp_path):
    with pytest.raises(RunError, match="CR803"):
        write_csv(read_run(folder), tmp_path / "none" / "all.csv")


def test_the_command_writes_what_is_asked_for(folder, tmp_path, capsys):
    out, table, rows = (tmp_path / name for name in ("a.html", "a.csv", "a.jsonl"))
    files = f"--out {out} --csv {table} --jsonl {rows}".split()
    assert main(["report", str(folder), *files]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        str(out), str(table), str(rows),
    ]  # fmt: skip
    assert out.exists() and table.exists() and rows.exists()
    assert main(["report", str(folder)]) == 0 and (folder / "report.html").exists()
    assert main(["report", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("chainrule: CR821: ")
