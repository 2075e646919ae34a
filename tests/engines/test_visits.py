"""Values that are seen while a program runs: the right ones, and nothing else changes."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.engines.choice import program
from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ops.arithmetic import Add, Multiply
from chainrule.ops.contraction import MatMul
from chainrule.ops.elementwise import Exp, Relu
from chainrule.ops.movement import Permute, Reshape

FLOAT = np.dtype(np.float32)
ENGINES = ["reference", "native"]


def written(*equations, inputs, outputs):
    return Graph(list(inputs), {}, list(equations), list(outputs))


def apply(primitive, *inputs, **params):
    shape = primitive.shape(*[v.shape for v in inputs], **params)
    return Equation(primitive, inputs, params, Variable(tuple(shape), FLOAT))


def seen_in(runnable, wanted, arrays):
    """What is shown, and the outputs."""
    found = {}
    watched = runnable.watched(wanted)
    watched.visitor = lambda variable, value: found.update({variable: value().copy()})
    outputs = watched.run(arrays)
    assert found.keys() == watched.seen
    return found, outputs


def training_step(engine):
    """A compiled step of a network with images, its recording and its inputs."""
    cr.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(72, 16), nn.Tanh(), nn.Linear(16, 4),
    )  # fmt: skip
    learner = cr.optim.Adam(net.parameters(), lr=0.01)

    @cr.compile(engine=engine)
    def step(x, y):
        learner.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        learner.step()
        return loss

    batch = cr.randn(6, 3, 8, 8), cr.randint(0, 4, (6,))
    step(*batch)
    arguments = list(batch)
    recording = step._recording((batch, {}), arguments)
    return recording, [array.copy() for array in recording.read(arguments)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_is_watched_computes_the_same_bits(engine):
    recording, inputs = training_step(engine)
    wanted = [equation.output for equation in recording.graph.equations]
    plain = recording.program.run([x.copy() for x in inputs])
    seen, outputs = seen_in(recording.program, wanted, [x.copy() for x in inputs])
    assert [y.tobytes() for y in outputs] == [y.tobytes() for y in plain]
    assert len(seen) > len(wanted) // 2


def test_the_native_engine_shows_what_the_reference_shows():
    recording, inputs = training_step("native")
    wanted = [equation.output for equation in recording.graph.equations]
    expected, _ = seen_in(program("reference", recording.graph), wanted, inputs)
    seen, _ = seen_in(recording.program, wanted, [x.copy() for x in inputs])
    assert len(expected) == len(wanted)
    for variable, array in seen.items():
        assert array.shape == variable.shape
        assert array.dtype == variable.dtype
        np.testing.assert_allclose(array, expected[variable], rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_nowhere_in_memory_is_computed_if_that_takes_little(engine):
    x, w, b = Variable((4, 6), FLOAT), Variable((6, 3), FLOAT), Variable((3,), FLOAT)
    product = apply(MatMul, x, w)
    biased = apply(Add, product.output, b)
    exponential = apply(Exp, biased.output)
    turned = apply(Permute, exponential.output, axes=(1, 0))
    flat = apply(Reshape, turned.output, shape=(12,))
    result = apply(Multiply, flat.output, flat.output)
    equations = product, biased, exponential, turned, flat, result
    graph = written(*equations, inputs=[x, w, b], outputs=[product.output, result.output])
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=v.shape).astype(FLOAT) for v in graph.inputs]
    wanted = [biased.output, flat.output]
    seen, _ = seen_in(program(engine, graph), wanted, arrays)
    expected = arrays[0] @ arrays[1] + arrays[2]
    np.testing.assert_allclose(seen[biased.output], expected, rtol=1e-5)
    np.testing.assert_allclose(seen[flat.output], np.exp(expected).T.reshape(12), rtol=1e-5)


def test_a_value_that_is_fused_away_is_not_seen():
    x, w = Variable((4, 6), FLOAT), Variable((6, 3), FLOAT)
    product = apply(MatMul, x, w)
    result = apply(Relu, product.output)
    graph = written(product, result, inputs=[x, w], outputs=[result.output])
    wanted = [product.output, result.output, Variable((2,), FLOAT)]
    assert program("native", graph).watched(wanted).seen == {result.output}
    assert program("reference", graph).watched(wanted).seen == set(wanted[:2])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_visitor_that_raises_ends_the_run_before_anything_is_written_over(engine, error):
    recording, inputs = training_step(engine)
    wanted = [equation.output for equation in recording.graph.equations]
    given = [x.copy() for x in inputs]
    expected = recording.program.run([x.copy() for x in inputs])
    watched = recording.program.watched(wanted)
    left = [len(watched.seen) - 1]  # the last of them raises

    def visitor(variable, value):
        left[0] -= 1
        if left[0] < 0:
            raise error

    watched.visitor = visitor
    with pytest.raises(error):
        watched.run(given)
    assert all(np.array_equal(a, b) for a, b in zip(given, inputs, strict=True))
    again = recording.program.run(given)
    assert [y.tobytes() for y in again] == [y.tobytes() for y in expected]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_shown_must_not_be_written(engine):
    recording, inputs = training_step(engine)
    watched = recording.program.watched([recording.graph.equations[0].output])

    def visitor(variable, value):
        value()[...] = 0

    watched.visitor = visitor
    with pytest.raises(ValueError, match="read-only"):
        watched.run(inputs)


@pytest.mark.parametrize("threads", [1, 3])
def test_parts_of_a_program_with_a_loop_run_on_any_number_of_threads(threads):
    cr.manual_seed(0)
    net, x = nn.LSTM(5, 7), cr.randn(9, 4, 5)

    @cr.compile(engine="native")
    def run(x):
        a = (x * 2).relu()
        y, _ = net(a)
        return F.softmax(y, dim=-1), a

    before = cr.get_num_threads()
    cr.set_num_threads(threads)
    try:
        run(x)
        arguments = [x]
        recording = run._recording(((x,), {}), arguments)
        inputs = recording.read(arguments)
        wanted = [equation.output for equation in recording.graph.equations]
        plain = recording.program.run(inputs)
        seen, outputs = seen_in(recording.program, wanted, inputs)
        expected, _ = seen_in(program("reference", recording.graph), wanted, inputs)
    finally:
        cr.set_num_threads(before)
    assert [y.tobytes() for y in outputs] == [y.tobytes() for y in plain]
    assert len(seen) > 4
    for variable, array in seen.items():
        np.testing.assert_allclose(array, expected[variable], rtol=2e-3, atol=1e-5)
