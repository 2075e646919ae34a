"""`chainrule doctor`: of a run, and of a script."""

import json
import os

import pytest

from chainrule.cli.main import main
from chainrule.journal import Journal
from tests.support.scripts import HEAD, program, write


def doctor(capsys, *arguments):
    """Exit code, output, complaint."""
    code = main(["doctor", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_healthy_script(tmp_path, capsys):
    script = write(tmp_path, program())
    code, out, err = doctor(capsys, script, "--steps", "30")
    assert (code, err) == (0, "")
    assert out.endswith(f"{script}: looked at 30 steps\nnothing is wrong\n")


def test_a_sick_script(tmp_path, capsys):
    code, out, _ = doctor(capsys, write(tmp_path, program(lr=100.0)), "--steps", "60")
    assert code == 1
    assert "D18  learning rate too high  [fatal, step 0]\n  evidence   " in out
    assert "verified   50 steps" in out
    assert "chainrule explain D18" in out


def test_json_is_all_that_is_printed(tmp_path, capsys):
    script = write(tmp_path, program(lr=100.0))
    code, out, err = doctor(capsys, script, "--steps", "60", "--json")
    (finding, *_) = json.loads(out)
    assert code == 1
    assert (finding["code"], finding["stage"]) == ("D18", "dynamics")
    assert finding["verified"] is True
    assert "epoch 3" in err
    code, out, _ = doctor(capsys, write(tmp_path, program()), "--steps", "9", "--json")
    assert (code, json.loads(out)) == (0, [])


def test_an_error_that_is_a_finding_keeps_its_traceback(tmp_path, capsys):
    text = program(loss="F.mse_loss(model(x)[:, :1], y.float())")
    script = write(tmp_path, text)
    code, out, err = doctor(capsys, script)
    assert code == 1
    assert "D08" in out
    assert f'File "{script}"' in err
    assert "CR510" in err
    assert "runpy" not in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import not_there", "ended with ModuleNotFoundError after 0 steps"),
        (program(loss="F.cross_entropy(model(x[:, :5]), y)"), "ended with ShapeError after 0"),
        (HEAD, "took no step of an optimizer"),
        ("raise SystemExit('no data')", "ended with SystemExit"),
        ("def broken(", "ended with SyntaxError"),
        (HEAD + "torch.optim.SGD([], lr=0.1)", "ended with ArgumentError"),
    ],
)
def test_a_script_that_cannot_be_looked_at(tmp_path, capsys, text, says):
    code, out, err = doctor(capsys, write(tmp_path, text))
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("chainrule: CR814:")
    assert says in last


def test_what_a_script_says_at_its_end_is_shown(tmp_path, capsys):
    script = write(tmp_path, "raise SystemExit('no data')")
    _, _, err = doctor(capsys, script)
    assert err.startswith("no data\nchainrule: CR814:") and "--args=" in err


def test_a_traceback_shows_the_lines_of_the_program(tmp_path, capsys):
    text = program(loss="F.cross_entropy(model(x[:, :5]), y)")
    _, _, err = doctor(capsys, write(tmp_path, text))
    assert "model(x[:, :5])" in err and "ShapeError: CR101" in err
    assert "module.py" not in err and "preflight.py" not in err
    _, _, err = doctor(capsys, write(tmp_path, "def broken("))
    assert "SyntaxError" in err and "preflight.py" not in err and "runpy" not in err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(run, capsys):
    run.chmod(0)
    try:
        assert "Permission denied. Make it readable" in doctor(capsys, run)[2]
        assert "Permission denied" in doctor(capsys, run / "train.py")[2]
    finally:
        run.chmod(0o700)


def test_arguments_for_the_script(tmp_path, capsys):
    text = "import sys\nassert sys.argv[1:] == ['--name', 'a b']\n" + program(epochs=1)
    code, out, _ = doctor(capsys, write(tmp_path, text), "--args=--name 'a b'")
    assert code == 0
    assert "looked at 3 steps" in out


def test_ctrl_c(tmp_path, capsys):
    code, _, err = doctor(capsys, write(tmp_path, "raise KeyboardInterrupt"))
    assert (code, err) == (130, "chainrule: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "code"), [(["nowhere.py"], "CR813"), ([".", "--steps", "0"], "CR902")]
)
def test_wrong_use(tmp_path, monkeypatch, capsys, arguments, code):
    monkeypatch.chdir(tmp_path)
    assert doctor(capsys, *arguments)[0] == 2
    main(["doctor", *arguments])
    assert f"chainrule: {code}:" in capsys.readouterr().err


# -- runs ------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    finding = {
        "code": "D18", "title": "learning rate too high", "stage": "dynamics",
        "severity": "fatal", "step": 0, "evidence": "much", "cause": "a step too far",
        "change": "lr=0.1", "source": "a lecture", "layer": None, "place": 0,
    }  # fmt: skip
    with Journal(tmp_path) as journal:
        journal.scalars(1, {"train_loss": 2.0})
        journal.finding(0, finding)
        journal.finding(0, {**finding, "verified": True, "trial": "it helped"})
    return tmp_path


def test_the_findings_of_a_run_are_those_written_last(run, capsys):
    code, out, _ = doctor(capsys, run)
    assert code == 1
    assert out.count("D18  learning rate too high") == 1
    assert "verified   it helped" in out
    code, out, _ = doctor(capsys, run, "--json")
    assert [finding["trial"] for finding in json.loads(out)] == ["it helped"]


def test_a_half_written_run_is_read_as_far_as_it_goes(run, capsys):
    with (run / "journal.jsonl").open("a") as file:
        file.write('{"kind": "finding", "step": 3, "fin')
    assert doctor(capsys, run)[0] == 1


def test_what_another_version_has_found_is_shown_as_far_as_it_is_known(tmp_path, capsys):
    with Journal(tmp_path) as journal:
        journal.finding(3, {"code": "D99", "title": "of tomorrow", "severity": "odd"})
    assert doctor(capsys, tmp_path)[:2] == (1, "D99  of tomorrow\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "CR821"),
        ("", "CR821"),
        ("hello\n", "CR822"),
        ('{"kind": "journal", "version": 99}\n', "CR823"),
    ],
)
def test_folders_that_are_no_runs(tmp_path, capsys, text, code):
    if text is not None:
        (tmp_path / "journal.jsonl").write_text(text)
    found, out, err = doctor(capsys, tmp_path)
    assert (found, out) == (2, "")
    assert err.startswith(f"chainrule: {code}:")


def test_a_run_without_findings(tmp_path, capsys):
    with Journal(tmp_path) as journal:
        journal.layers(0, {"fc": {"gradient_norm": 1.0}})
    assert doctor(capsys, tmp_path)[:2] == (0, "nothing is wrong\n")


def test_a_run_at_which_no_doctor_looked_is_not_called_healthy(tmp_path, capsys):
    with Journal(tmp_path) as journal:
        journal.scalars(1, {"train_loss": 2.0})
    code, out, err = doctor(capsys, tmp_path)
    assert (code, out) == (2, "")
    assert "CR814: no doctor looked at the training" in err
