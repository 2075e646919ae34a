"""Optimizers follow PyTorch's for 200 steps.

The default run has no torch; it compares with what was recorded in references.npz by
`python tests/optim/test_against_torch.py`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def references():
    with np.load(HERE / "references.npz") as file:
        return dict(file)


def close(ours, theirs, tolerance):
    return np.abs(ours - theirs).max() <= tolerance * max(1, np.abs(theirs).max())


def test_the_recorded_trainings(recorded_case, train, references):
    ours = train(cr, recorded_case.name, recorded_case.options)
    assert close(ours, references[recorded_case.key], recorded_case.tolerance["float64"])


def test_all_choices_in_float64(case, train):
    torch = pytest.importorskip("torch")
    ours, theirs = (train(library, case.name, case.options) for library in (cr, torch))
    assert close(ours, theirs, case.tolerance["float64"])


def test_some_choices_in_float32(recorded_case, train):
    torch = pytest.importorskip("torch")
    ours, theirs = (
        train(library, recorded_case.name, recorded_case.options, "float32")
        for library in (cr, torch)
    )
    assert close(ours, theirs, recorded_case.tolerance["float32"])


def record():
    sys.path.insert(0, str(HERE))
    shared, torch = importlib.import_module("conftest"), importlib.import_module("torch")
    found = {
        case.key: shared.trajectory(torch, case.name, case.options)
        for case in shared.cases(shared.RECORDED)
    }
    np.savez_compressed(HERE / "references.npz", **found)


if __name__ == "__main__":
    record()
