"""`chainrule profile`: a script runs as it does alone, and then says where its time went."""

import json
import shlex
import sys

import pytest

from chainrule.cli import profile
from chainrule.cli.main import main
from chainrule.compiler.compile import Compiled
from chainrule.engines.native.reporting import measure
from chainrule.engines.native.reporting.limits import Limits

SCRIPT = """
import sys
import chainrule as cr
import settings_beside

def work(x):
    return (x.exp() * settings_beside.FACTOR).sum()

def main():
    run = cr.compile(work, engine=sys.argv[1])
    never = cr.compile(lambda x: x)
    print("it gives", run(cr.zeros(4)).item(), sys.argv[1:])
    run(cr.zeros(5))

if __name__ == "__main__":
    main()
    sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A script, a module beside it, and a machine whose limits are known."""
    rates = {name: [1e9] for name in ("L1", "L2", "L3", "memory")}
    sizes = {name: [1000] for name in ("L1", "L2", "L3")}
    machine = Limits("abacus", [1], {"float32": [1e9], "float64": [1e9]}, rates, sizes)
    monkeypatch.setattr(measure, "machine_limits", lambda: machine)
    (tmp_path / "settings_beside.py").write_text("FACTOR = 2\n")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def run(command, capsys):
    """Exit code, output, complaints."""
    code = main(shlex.split(command))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_it_runs_the_script_and_shows_each_function_that_ran(script, capsys):
    argv, folders = list(sys.argv), list(sys.path)
    code, out, err = run(f"profile {script} --args='native 0'", capsys)
    assert (code, err) == (0, "")
    assert "it gives 8.0 ['native', '0']" in out
    assert "work: engine native, 2 recordings" in out
    assert out.count("outside the kernels") == 2
    assert "script.py:7: return (x.exp() * settings_beside.FACTOR).sum()" in out
    assert "kernel 0: " not in out
    assert out.endswith("1 compiled functions\n")
    assert (sys.argv, sys.path, Compiled.made) == (argv, folders, None)


def test_explain_adds_the_kernels_and_json_has_all(script, capsys, tmp_path):
    target = tmp_path / "out.json"
    code, out, _ = run(
        f"profile {script} --explain --json {target} --repeat 1 --args='native 0'", capsys
    )
    assert code == 0 and "kernel 0: " in out and "traced because of the first call" in out
    found = json.loads(target.read_text())
    (function,) = found["functions"]
    assert function["name"] == "work"
    assert len(function["explanation"]["recordings"]) == len(function["profiles"]) == 2
    assert function["profiles"][0]["parts"]["graph"]["repeat"] == 1


def test_the_script_gets_its_own_arguments(script, capsys):
    script.write_text("import sys; print(sys.argv[1:])")
    _, out, _ = run(f"profile {script} --repeat 1 --args='--epochs 3 --explain'", capsys)
    assert out == "['--epochs', '3', '--explain']\n0 compiled functions\n"


def test_the_reference_engine_and_a_script_that_fails(script, capsys):
    code, out, err = run(f"profile {script} --args='reference 3'", capsys)
    assert code == 0
    assert "not profiled: the native engine has not run it" in out
    assert err == "chainrule: the script ended with 3\n"


def test_many_functions_are_cut_short(script, capsys, monkeypatch):
    monkeypatch.setattr(profile, "MOST_FUNCTIONS", 1)
    script.write_text("import chainrule as cr\nfor _ in range(3): cr.compile(abs)(cr.ones(1))")
    _, out, _ = run(f"profile {script} --repeat 1", capsys)
    assert out.count("abs: engine") == 1
    assert out.endswith("3 compiled functions, the first 1 shown\n")


def test_a_script_that_is_not_there(capsys, tmp_path):
    code, _, err = run(f"profile {tmp_path / 'none.py'}", capsys)
    assert code == 2 and "CR813" in err and "none.py" in err


def test_an_error_of_the_script_is_shown_as_it_is(script):
    script.write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        main(["profile", str(script)])
    assert Compiled.made is None
