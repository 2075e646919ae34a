"""The native engine gives what the reference engine gives, primitive by primitive.

All calls of a primitive are one graph, so that kernels meet in it; what each result may differ
by is said in support/both_engines.py.
"""

import itertools

import numpy as np
import pytest
from both_engines import ENGINES, difference, differences, graph_of, outcome, run
from engine_cases import larger, numbers
from primitive_samples import SAMPLES

import chainrule as cr
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.running.target import host, named
from chainrule.engines.reference import ReferenceProgram
from chainrule.errors import ChainruleError
from chainrule.ops.primitive import Primitive

LARGER = larger()
#: what is written differently for vectors of another size
NARROW = (
    "Amax", "Concatenate", "Convert", "Convolution", "ConvolutionInput", "ConvolutionWeight",
    "Exp", "Flip", "Gather", "Index", "MatMul", "Maximum", "Multiply", "Permute", "Slice",
    "Standardize", "Sum", "Where", "WindowArgmax", "WindowSum",
)  # fmt: skip
THREADS = (1, 2, 3, 8)


@pytest.fixture
def no_way_out(monkeypatch):
    """NumPy may not run in place of the native program."""

    def complain(self, inputs):
        raise AssertionError("the program stopped although nothing is wrong")

    monkeypatch.setattr(NativeProgram, "_explain_stop", complain)


def samples(name):
    """Every sample of a primitive in every type that it is for."""
    primitive = Primitive.registry[name]
    return [
        (primitive, tuple(map(np.asarray, sample.arrays(dtype))), sample.params)
        for sample in SAMPLES[name]
        for dtype in sample.types
    ]


def strided(x):
    """The same numbers in memory that is not in order."""
    if not x.ndim:
        return x
    spread = np.repeat(x, 3, -1)[..., 1::3]
    backwards = np.flip(np.flip(x).copy())
    return [spread, backwards, np.asfortranarray(x)][sum(x.shape) % 3]


def found(calls):
    graph, arrays = graph_of(calls)
    return differences(calls, [run(engine, graph, arrays) for engine in ENGINES])


@pytest.mark.usefixtures("no_way_out")
@pytest.mark.parametrize("name", sorted(Primitive.registry))
def test_every_sample_in_every_type(name):
    assert not found(samples(name))


@pytest.mark.usefixtures("no_way_out")
@pytest.mark.parametrize("name", LARGER)
def test_several_chunks_and_what_is_left_over(name):
    assert not found(LARGER[name])


@pytest.mark.parametrize("name", sorted(LARGER))
def test_memory_that_is_not_in_order(name):
    calls = samples(name)
    graph, arrays = graph_of(calls)
    program = NativeProgram(graph)
    expected = program.run([x.copy() for x in arrays])
    given = [strided(x) for x in arrays]
    for got, wanted in zip(program.run(given), expected, strict=True):
        assert not difference(got, wanted)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(given, arrays, strict=True))


@pytest.mark.skipif(host().architecture != "x86_64", reason="the narrower targets are of x86")
@pytest.mark.usefixtures("no_way_out")
@pytest.mark.parametrize("target", ["haswell", "x86-64"])
@pytest.mark.parametrize("name", NARROW)
def test_narrower_vectors(name, target, monkeypatch):
    if named(target).vector_bytes > host().vector_bytes:
        pytest.skip(f"this machine does not run code for {target}")
    monkeypatch.setenv("CHAINRULE_TARGET", target)
    calls = samples(name) + LARGER.get(name, [])[::3]
    assert not found(calls)


FLOAT, WHOLE = np.array([0.5, 0.25], np.float32), np.array([3, -5], np.int64)
SQUARE = np.array([[1.0, 2.0], [2.0, 1.0]])
STEPS = {"axis": 0}
WRONG = {
    "InRange": ((WHOLE,), {"limit": 3, "what": "f", "of": "label", "among": "classes"}),
    "Probabilities": ((FLOAT * 3,), {"what": "f", "of": "input", "repair": "mend it"}),
    "Index": ((FLOAT, WHOLE), {"axes": (0,)}),
    "Index of two": ((SQUARE, WHOLE, WHOLE), {"axes": (0, 1)}),
    "Gather": ((FLOAT, WHOLE), STEPS),
    "Scatter": ((FLOAT, WHOLE, FLOAT), STEPS),
    "ScatterAdd": ((FLOAT, WHOLE, FLOAT), STEPS),
    "IndexAdd": ((FLOAT, FLOAT, WHOLE), {"axes": (0,)}),
    "IndexPut": ((FLOAT, FLOAT, WHOLE), {"axes": (0,)}),
    "FloorDivide": ((WHOLE, WHOLE * 0), {}),
    "Remainder": ((WHOLE, WHOLE * 0), {}),
    "Fmod": ((WHOLE, WHOLE * 0), {}),
    "Power": ((WHOLE, WHOLE), {}),
    "Cholesky": ((-SQUARE,), {"checked": True}),
    "Inverse": ((SQUARE * 0,), {"checked": True}),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_same_error(name):
    arrays, params = WRONG[name]
    graph, given = graph_of([(Primitive.registry[name.split()[0]], arrays, params)])
    expected, got = (outcome(engine, graph, given) for engine in ENGINES)
    if isinstance(expected, list):
        assert not difference(got[0], expected[0])
    else:
        assert got == expected


def test_some_of_them_are_errors():
    raised = 0
    for name, (arrays, params) in WRONG.items():
        graph, given = graph_of([(Primitive.registry[name.split()[0]], arrays, params)])
        raised += not isinstance(outcome("reference", graph, given), list)
    assert raised >= 8


@pytest.mark.parametrize("engine", ENGINES)
def test_where_a_check_fails_no_state_has_changed(engine):
    table, count = cr.ones(4, 3), cr.zeros(500)

    @cr.compile(engine=engine)
    def step(places):
        count.add_(1)
        table.mul_(2)
        rows = cr.nn.functional.embedding(places, table)
        table.copy_(rows.sum() + table)
        return rows.sum()

    good, bad = cr.tensor([0, 3]), cr.tensor([0, 4])
    assert step(good).item() == 12
    before = table.clone(), count.clone()
    for _ in range(2):
        with pytest.raises((ChainruleError, IndexError)):
            step(bad)
        assert table.equal(before[0])
        assert count.equal(before[1])
    step(good)
    assert count.equal(before[1] + 1)


def network():
    """A graph with products, rows, reductions and lookups, and what goes in."""
    model = cr.nn.Sequential(
        cr.nn.Conv2d(3, 8, 3, padding=1, bias=False), cr.nn.BatchNorm2d(8), cr.nn.ReLU(),
        cr.nn.MaxPool2d(2), cr.nn.Flatten(), cr.nn.Linear(8 * 8 * 8, 37), cr.nn.LayerNorm(37),
        cr.nn.Linear(37, 10),
    )  # fmt: skip
    optimizer = cr.optim.Adam(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        loss = cr.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = cr.compile(step, engine="reference")
    arguments = cr.randn(13, 3, 16, 16), cr.randint(0, 10, (13,))
    run(*arguments)
    recording = run._recordings[0][1]
    inputs = [binding.read(list(arguments)) for binding in recording.bindings]
    return recording.traced, [np.array(x) for x in inputs]


def bits(results):
    return [y.tobytes() for y in results]


def test_the_same_text_whenever_it_is_written():
    cr.manual_seed(0)
    graph, _ = network()
    texts = [list(Plan.of(graph, host(), {}).functions.texts.items()) for _ in range(2)]
    assert texts[0] == texts[1]
    cr.manual_seed(0)
    assert list(Plan.of(network()[0], host(), {}).functions.texts.items()) == texts[0]


def test_the_same_bits_for_any_number_of_threads():
    cr.manual_seed(0)
    graph, inputs = network()
    program, before = NativeProgram(graph), cr.get_num_threads()
    found = []
    try:
        for threads, _ in itertools.product(THREADS, range(3)):
            cr.set_num_threads(threads)
            found.append(bits(program.run([x.copy() for x in inputs])))
    finally:
        cr.set_num_threads(before)
    assert all(other == found[0] for other in found)
    expected = ReferenceProgram(graph).run(inputs)
    for got, wanted in zip(program.run([x.copy() for x in inputs]), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["Sum", "Amax", "MatMul", "ConvolutionWeight", "Standardize"])
def test_each_primitive_gives_the_same_bits_for_any_number_of_threads(name):
    graph, arrays = graph_of(LARGER[name][:20])
    program, before = NativeProgram(graph), cr.get_num_threads()
    found = []
    try:
        for threads in THREADS:
            cr.set_num_threads(threads)
            found.append(bits(program.run(arrays)))
    finally:
        cr.set_num_threads(before)
    assert all(other == found[0] for other in found)


def test_results_of_one_run_outlive_the_next():
    graph, arrays = graph_of([(Primitive.registry["Exp"], (numbers("float32", 37, 13),), {})])
    program = NativeProgram(graph)
    (first,) = program.run(arrays)
    kept = first.copy()
    (second,) = program.run([arrays[0] + 1])
    assert first.tobytes() == kept.tobytes()
    assert not np.shares_memory(first, second)
