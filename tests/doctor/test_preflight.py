"""The first steps of a script: its models and optimizers are found by themselves."""

import sys

import pytest

from chainrule import observers
from chainrule.doctor.preflight import Preflight
from tests.support.scripts import GAN, HEAD, program, write


@pytest.fixture(autouse=True)
def nothing_stays():
    before = list(sys.argv), list(sys.path)
    yield
    assert (sys.argv, sys.path) == before
    assert observers.present == observers.close == []


def examine(folder, text, *arguments, steps=60):
    preflight = Preflight(steps, tell=lambda finding: None)
    return preflight, preflight.run(write(folder, text), arguments)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_healthy_script_is_ended_after_some_steps(tmp_path, capsys, compiled):
    preflight, error = examine(tmp_path, program(compiled=compiled))
    assert error is None
    assert preflight.findings == []
    assert preflight.step == 60
    assert capsys.readouterr().out.count("epoch") in (19, 20)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_fault_is_found_and_its_change_tried(tmp_path, compiled):
    preflight, error = examine(tmp_path, program(lr=100.0, compiled=compiled))
    assert error is None
    assert preflight.findings[0].code == "D18"
    assert preflight.findings[0].verified is True


def test_arguments_reach_the_script_and_a_gan_is_not_sick(tmp_path):
    preflight, error = examine(tmp_path, GAN, "--steps", "80")
    assert error is None
    assert len(preflight.watches) == 2
    assert preflight.findings == []


def test_an_optimizer_of_another_model_is_seen(tmp_path):
    other = "learned, model = model, nn.Sequential(nn.Linear(6, 16), nn.Linear(16, 3))"
    text = program(model=other, loss="F.cross_entropy(learned(x), y)")
    preflight, _ = examine(tmp_path, text)
    assert [finding.code for finding in preflight.findings] == ["D02"]


def test_two_optimizers_of_one_model_are_one_watch(tmp_path):
    text = HEAD + (
        "a = torch.optim.SGD(model[0].parameters(), lr=0.1)\n"
        "b = torch.optim.SGD(model[2].parameters(), lr=0.1)\n"
        "for _ in range(60):\n"
        "    a.zero_grad(), b.zero_grad()\n"
        "    F.cross_entropy(model(x), y).backward()\n"
        "    a.step(), b.step()\n"
    )
    preflight, error = examine(tmp_path, text)
    assert error is None
    assert len(preflight.watches) == 1
    assert preflight.findings == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import not_there", ModuleNotFoundError),
        ("raise SystemExit(3)", SystemExit),
        (program(loss="F.cross_entropy(model(x[:, :5]), y)"), RuntimeError),
    ],
)
def test_the_error_that_ends_a_script_is_given_back(tmp_path, text, kind):
    preflight, error = examine(tmp_path, text)
    assert isinstance(error, kind)
    assert preflight.findings == []


@pytest.mark.parametrize(
    ("loss", "code"),
    [
        ("F.mse_loss(model(x)[:, :1], y.float())", "D08"),
        ("F.cross_entropy(model(x).detach(), y)", "D04"),
    ],
)
def test_some_errors_are_findings(tmp_path, loss, code):
    preflight, error = examine(tmp_path, program(loss=loss))
    assert isinstance(error, RuntimeError)
    assert [finding.code for finding in preflight.findings] == [code]


def test_a_script_that_ends_by_itself_well_is_no_error(tmp_path):
    preflight, error = examine(tmp_path, program(epochs=2) + "\nraise SystemExit(0)")
    assert error is None
    assert preflight.step == 6


def test_a_script_without_a_training_has_no_watch(tmp_path):
    preflight, error = examine(tmp_path, HEAD + "\nmodel(x)")
    assert (error, preflight.watches, preflight.step) == (None, [], 0)


def test_ctrl_c_goes_through(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        examine(tmp_path, program(epochs=1) + "\nraise KeyboardInterrupt")
