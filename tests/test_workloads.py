"""Every workload of the benchmark builds, traces and runs, very small."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))
workloads = importlib.import_module("workloads")
COMPETITORS = importlib.import_module("measuring").COMPETITORS

pytestmark = pytest.mark.slow


def results(library, name, engine=None):
    """What three steps return, eagerly or compiled: the losses, or the first output."""
    workload = workloads.WORKLOADS[name]
    library.manual_seed(0)
    task = workload.build(library, small=True)
    step = workload.step(library, task)
    run = cr.compile(step, engine=engine) if engine else step
    outputs = [run(*workload.inputs(task)) for _ in range(3)]
    assert not engine or len(run.explain().recordings) <= 2  # without gradients, and with
    return [np.asarray(y[0] if isinstance(y, tuple) else y) for y in outputs]


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_each_script_finds_what_it_imports(name):
    for library in {"eager": ["torch"], "jax_networks": ["jax"]}.get(name, []):
        pytest.importorskip(library)
    importlib.import_module(name)


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_the_compiled_step_is_the_eager_one(name):
    eager, compiled = results(cr, name), results(cr, name, "reference")
    assert np.isfinite(eager).all()
    np.testing.assert_array_equal(compiled, eager)
    assert workloads.WORKLOADS[name].training == bool((eager[0] != eager[1]).any())


@pytest.mark.parametrize("name", workloads.FURTHER)
def test_the_native_step_is_the_eager_one(name):
    eager, native = results(cr, name), results(cr, name, "native")
    np.testing.assert_allclose(native[0], eager[0], rtol=1e-5)
    np.testing.assert_allclose(native, eager, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_the_first_result_is_that_of_pytorch(name):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # two pools of threads on the same cores would wait for each other
    if not workloads.WORKLOADS[name].comparable:
        pytest.skip("its random numbers are those of each library")
    ours, theirs = results(cr, name), results(torch, name)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name", [name for name, w in workloads.WORKLOADS.items() if COMPETITORS["JAX"].can_run(w)]
)
def test_the_steps_in_jax_are_the_same(name):
    pytest.importorskip("jax")
    prepared = importlib.import_module("jax_networks").prepared
    step, inputs = prepared(workloads.WORKLOADS[name], small=True)
    theirs = [np.asarray(step(*inputs)) for _ in range(3)]
    np.testing.assert_allclose(theirs, results(cr, name), rtol=1e-4, atol=1e-4)
