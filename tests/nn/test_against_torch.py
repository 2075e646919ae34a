"""Layers and functions against PyTorch: outputs, gradients, buffers, state dicts, printing.

Every case runs twice: against numbers recorded from PyTorch 2.13 (always), and against the
installed PyTorch (where there is one). The cases are in support/layer_cases; running this file
as a program, with that folder's parent in PYTHONPATH and the names of files there as
arguments, records their answers anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import layer_cases
import numpy as np
import pytest
from layer_cases.making import CASES, numbers

import chainrule as cr

RECORDED = Path(layer_cases.__file__).with_name("recorded")


def outcome(t: Any, name: str) -> dict[str, Any]:
    """All that is compared of a case: arrays by name, and texts."""
    make, specs = CASES[name]
    model = make(t)
    found: dict[str, Any] = {}
    if isinstance(model, t.nn.Module):
        model.double()
        set_state(t, model, name)
        found = {"repr": repr(model), "keys": list(model.state_dict())}
    inputs = []
    for i, spec in enumerate(specs):
        value = t.tensor(spec.array(f"{name} input {i}"))
        inputs.append(value.requires_grad_() if spec.grad else value)
    outputs = model(*inputs)
    for i, y in enumerate(outputs if isinstance(outputs, tuple) else (outputs,)):
        found[f"output {i}"] = y.detach().numpy()
        if y.requires_grad:
            y.backward(t.tensor(numbers(f"{name} cotangent", tuple(y.shape))))
    for i, value in enumerate(inputs):
        if value.requires_grad:
            found[f"gradient of input {i}"] = value.grad.numpy()
    if isinstance(model, t.nn.Module):
        for key, p in model.named_parameters():
            found[f"gradient of {key}"] = p.grad.numpy()
        for key, buffer in model.named_buffers():
            found[f"buffer {key}"] = buffer.numpy()
    return found


def set_state(t: Any, model: Any, name: str) -> None:
    """Numbers of our own in place of the random ones."""
    with t.no_grad():
        for key, p in model.named_parameters():
            p.copy_(t.tensor(numbers(f"{name} {key}", tuple(p.shape))))
        for key, buffer in model.named_buffers():
            if key.endswith(("running_mean", "running_var")):
                value = numbers(f"{name} {key}", tuple(buffer.shape))
                buffer.copy_(t.tensor(value if key.endswith("mean") else value + 2.1))


def digest(array: np.ndarray) -> list[Any]:
    """The shape, and one number that any wrong element would change."""
    key = numbers("digest", array.shape)
    return [list(array.shape), float((array * key).sum()), float(np.abs(array * key).sum())]


#: PyTorch's derivative of the hard sigmoid holds 1/6 as a float32, also for float64
LOOSE = ("activation hardsigmoid", "kinks hardsigmoid")


def tolerance(name: str) -> float:
    return 1e-7 if name in LOOSE else 1e-9


def assert_recorded(found: dict[str, Any], recorded: dict[str, Any], tolerance: float) -> None:
    assert found.keys() == recorded.keys()
    for key, value in found.items():
        if not isinstance(value, np.ndarray):
            assert value == recorded[key]
            continue
        (shape, total, size), (own_shape, own_total, _) = recorded[key], digest(value)
        assert own_shape == shape, key
        assert own_total == pytest.approx(total, rel=0, abs=tolerance * size + 1e-12), key


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    files = [RECORDED / f"{name}.json" for name in layer_cases.FILES]
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return {name: found for table in tables for name, found in table.items()}


def test_there_are_many_cases_and_all_are_recorded(recorded):
    assert len(CASES) >= 150
    assert recorded.keys() == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_recorded(name, recorded):
    assert_recorded(outcome(cr, name), recorded[name], tolerance(name))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_against_installed_torch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = outcome(cr, name), outcome(torch, name)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if isinstance(value, np.ndarray):
            assert ours[key].shape == value.shape, key
            np.testing.assert_allclose(
                ours[key], value, rtol=tolerance(name), atol=1e-11, err_msg=key
            )
        else:
            assert ours[key] == value


if __name__ == "__main__":
    import torch

    def compact(value: Any) -> Any:
        return digest(value) if isinstance(value, np.ndarray) else value

    for file in sys.argv[1:]:
        lines = []
        for name in layer_cases.FILES[file]:
            found = {key: compact(value) for key, value in outcome(torch, name).items()}
            lines.append(f"{json.dumps(name)}: {json.dumps(found)}")
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (RECORDED / f"{file}.json").write_text(text, encoding="utf-8")
