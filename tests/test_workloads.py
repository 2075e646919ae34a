"""Every workload of the benchmark builds, traces and runs, very small."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
workloads = importlib.import_module("workloads")

pytestmark = pytest.mark.slow


def results(library, name, compiled):
    """What three steps return: the losses, or the first output."""
    workload = workloads.WORKLOADS[name]
    library.manual_seed(0)
    task = workload.build(library, small=True)
    step = workload.step(library, task)
    run = cr.compile(step, engine="reference") if compiled else step
    outputs = [run(*workload.inputs(task)) for _ in range(3)]
    assert not compiled or len(run.explain().recordings) <= 2  # without gradients, and with
    return [np.asarray(y[0] if isinstance(y, tuple) else y) for y in outputs]


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_the_compiled_step_is_the_eager_one(name):
    eager, compiled = results(cr, name, False), results(cr, name, True)
    assert np.isfinite(eager).all()
    np.testing.assert_array_equal(compiled, eager)
    assert workloads.WORKLOADS[name].training == bool((eager[0] != eager[1]).any())


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_the_first_result_is_that_of_pytorch(name):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # two pools of threads on the same cores would wait for each other
    if not workloads.WORKLOADS[name].comparable:
        pytest.skip("its random numbers are those of each library")
    ours, theirs = results(cr, name, False), results(torch, name, False)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4, atol=1e-4)
