"""A function called in ever other situations: old recordings go, and all that they held."""

import gc
import importlib
import weakref

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.native.running import llvm

compiling = importlib.import_module("chainrule.compiler.compile")


@pytest.fixture
def few(monkeypatch):
    """Two recordings and three reasons are kept, a linker has one library."""
    monkeypatch.setattr(compiling, "MOST_RECORDINGS", 2)
    monkeypatch.setattr(compiling, "MOST_REASONS", 3)
    monkeypatch.setattr(llvm, "LIBRARIES", 1)


def test_the_oldest_recordings_go(few):
    double = cr.compile(lambda x: 2 * x, engine="reference")
    for size in range(1, 6):
        np.testing.assert_array_equal(double(cr.ones(size)).numpy(), np.full(size, 2))
    explanation = double.explain()
    inputs = [recording.graph.inputs[0].shape for recording in explanation.recordings]
    assert inputs == [(4,), (5,)]
    assert len(explanation.reasons()) == 3
    assert "shape (5,) instead of (4,)" in explanation.reasons()[-1]


def test_the_one_that_was_not_used_for_longest_goes(few):
    double = cr.compile(lambda x: 2 * x, engine="reference")
    for size in (1, 2, 1, 3, 1, 4, 1):
        double(cr.ones(size))
    inputs = [recording.graph.inputs[0].shape for recording in double.explain().recordings]
    assert inputs == [(1,), (4,)] and len(double.explain().reasons()) == 3
    assert "shape (4,) instead of (3,)" in double.explain().reasons()[-1]


def test_many_recordings_are_told(monkeypatch):
    monkeypatch.setattr(compiling, "MANY_RECORDINGS", 3)
    rate = {"now": 1.0}

    def scaled(x):
        return x * rate["now"]

    run = cr.compile(scaled, engine="reference")
    with pytest.warns(UserWarning, match="'scaled' was compiled 3 times, at last .*'rate'"):
        for _ in range(3):
            run(cr.ones(2))
            rate["now"] /= 2


def test_a_recording_that_was_dropped_is_made_again(few):
    double = cr.compile(lambda x: 2 * x, engine="reference")
    for size in (1, 2, 3, 1):
        assert double(cr.ones(size)).shape == (size,)
    assert double.explain().reasons()[-1].endswith("shape (1,) instead of (3,)")


def test_machine_code_and_its_linker_go_with_the_recording(few):
    weight = cr.tensor(3.0, requires_grad=True)

    @cr.compile(engine="native")
    def step(x):
        weight.grad = None
        loss = (x * weight).sum()
        loss.backward()
        return loss.detach()

    step(cr.ones(1))
    library = step.explain().recordings[0].program.library
    code, linker = weakref.ref(library), weakref.ref(library._linker)
    del library
    for size in range(2, 7):
        assert step(cr.ones(size)).item() == 3 * size
        assert weight.grad.item() == size
    gc.collect()
    assert code() is None and linker() is None


def test_a_recording_looks_for_leaks_among_young_objects_only():
    generations = []

    def notice(phase, info):
        generations.append(info["generation"])

    gc.collect()
    gc.callbacks.append(notice)
    try:
        assert cr.compile(lambda x: (x * 2).sum())(cr.ones(3)).item() == 6
    finally:
        gc.callbacks.remove(notice)
    assert generations and 2 not in generations
