"""Random programs give the same on both engines: values, gradients and states.

Where one fails, its code is printed. The number of its seed finds it again.
"""

from random import Random

import numpy as np
import pytest
from both_engines import ENGINES
from random_programs import random_program

import chainrule as cr
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.native.running.target import host, named

SEEDS, SHORT, LONG = 30, 5, 60
MANY = 30
#: how far results may be apart, relative to the largest of them or 1
TOLERANCE = {"float16": 2e-2, "bfloat16": 2e-2, "float32": 2e-4, "float64": 1e-9}


def results(program, engine):
    """What two runs return, and the states after each."""
    states = {name: x.clone() for name, x in program.states.items()}
    step = cr.compile(program.step(states), engine=engine)
    found = []
    for factor in (1.0, 0.5):
        given = [x * factor if x.is_floating_point() else x for x in program.sources.values()]
        found += [y.clone() for y in (*step(*given), *states.values())]
    return found


def apart(got, wanted, types):
    """Whether two tensors differ by more than rounding."""
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    if not wanted.is_floating_point():
        return not got.equal(wanted)
    a, b = (np.asarray(x.double().numpy()) for x in (got, wanted))
    limit = max(TOLERANCE[t] for t in types) * max(1.0, float(np.abs(b).max(initial=0)))
    return not np.allclose(a, b, rtol=0, atol=limit, equal_nan=True)


def check(program, monkeypatch):
    stopped = []
    monkeypatch.setattr(NativeProgram, "_explain_stop", lambda self, _: stopped.append(1))
    try:
        wanted, got = (results(program, engine) for engine in ENGINES)
    except Exception as error:
        raise AssertionError(f"\n{program}") from error
    assert not stopped, f"\n{program}"
    types = [name for name in TOLERANCE if name in str(program)]
    bad = [i for i, pair in enumerate(zip(got, wanted, strict=True)) if apart(*pair, types)]
    assert not bad, f"results {bad} differ\n{program}"


def written(random):
    return random_program(random, random.randint(SHORT, LONG))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_program(seed, monkeypatch):
    check(written(Random(seed)), monkeypatch)


@pytest.mark.parametrize("target", ["haswell", "x86-64"])
@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + 8))
def test_a_random_program_on_narrower_vectors(seed, target, monkeypatch):
    chosen = named(target)
    if host().architecture != "x86_64" or chosen.vector_bytes > host().vector_bytes:
        pytest.skip(f"this machine does not run code for {target}")
    monkeypatch.setenv("CHAINRULE_TARGET", target)
    check(written(Random(seed)), monkeypatch)


@pytest.mark.slow
def test_hypothesis_finds_no_program_that_differs(tmp_path):
    """Where it finds one, it looks for the fewest lines with which that happens."""
    hypothesis = pytest.importorskip("hypothesis")
    hypothesis.configuration.set_hypothesis_home_dir(tmp_path)
    whole = hypothesis.strategies.integers

    @hypothesis.settings(max_examples=MANY, derandomize=True, deadline=None, database=None)
    @hypothesis.given(lines=whole(SHORT, LONG), seed=whole(0, 2**32))
    def run(lines, seed):
        with pytest.MonkeyPatch.context() as patch:
            check(random_program(Random(seed), lines), patch)

    run()


def test_programs_are_rich():
    """The generator writes what it is meant to write."""
    programs = [written(Random(seed)) for seed in range(SEEDS)]
    text = "\n".join(map(str, programs))
    for word in (
        "permute",
        "reshape",
        "conv2d",
        "@",
        "sum(",
        "cat(",
        "argmax",
        "gather",
        "pad(",
    ):
        assert word in text, word
    assert sum(bool(p.states) for p in programs) > SEEDS // 4
    assert sum(bool(p.leaves) for p in programs) > SEEDS // 2
    assert any(len(set(p.outputs)) < len(p.outputs) for p in programs)
    assert any(name in p.sources for p in programs for name in p.outputs)
