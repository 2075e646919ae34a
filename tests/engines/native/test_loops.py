"""Loops over time as machine code: the numbers of the engine that runs NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.native.running.program import Program
from chainrule.engines.reference import ReferenceProgram
from chainrule.errors import AxisError
from chainrule.functional.scan import scan
from chainrule.nn.utils.rnn import pack_padded_sequence

LAYERS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "LSTM": (nn.LSTM, {}),
    "GRU": (nn.GRU, {}),
    "both ways": (nn.LSTM, {"bidirectional": True}),
    "two layers": (nn.GRU, {"num_layers": 2}),
    "projected": (nn.LSTM, {"proj_size": 3}),
    "without bias": (nn.GRU, {"bias": False}),
}


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def gradients(layer, x, order=1):
    """What a layer gives, and the gradients of its input and weights."""
    x = x.detach().requires_grad_()
    y, state = layer(x)
    loss = y.square().sum() + sum((part**3).sum() for part in parts(state))
    over = [x, *layer.parameters()]
    found = cr.autograd.grad(loss, over, create_graph=order == 2)
    if order == 2:
        found = cr.autograd.grad(sum(g.square().sum() for g in found), over)
    return [t.detach() for t in (y, *parts(state), *found)]


def recorded(function, *arguments):
    """The graph of a function as it is compiled, and the graph's inputs."""
    compiled = cr.compile(function, engine="reference")
    compiled(*arguments)
    ((_, recording),) = compiled._recordings
    tensors = [t for a in arguments for t in parts(a)]
    return recording.graph, [b.read(tensors) for b in recording.bindings]


def check(function, *arguments, loops=1, tolerance=2e-5):
    """That the function has native loops and no calls of NumPy, and gives the same numbers."""
    graph, inputs = recorded(function, *arguments)
    program = NativeProgram(graph)
    assert len(program.plan.loops) >= loops
    assert all(isinstance(segment, Program) for segment in program._segments)
    for _ in range(2):  # what moves must be back in its place after a run
        found = program.run(inputs)
        for a, b in zip(found, ReferenceProgram(graph).run(inputs), strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def loop(step, length=5, rows=3, columns=4, reverse=False, state=None):
    """A function that runs a step over a sequence, and its arguments."""
    cr.manual_seed(0)
    x, w = cr.randn(length, rows, columns), cr.randn(columns, columns) / 2
    start = cr.randn(rows, columns) if state is None else state

    def run(start, x, w):
        last, ys = scan(lambda *given: step(*given, w), start, [x], reverse)
        return [*parts(last), *ys]

    return run, start, x, w


@pytest.mark.parametrize(
    ("name", "order"), [*((name, 1) for name in LAYERS), ("LSTM", 2), ("GRU", 2)]
)
def test_a_layer_and_its_derivatives(name, order):
    kind, options = LAYERS[name]
    cr.manual_seed(0)
    layer, x = kind(5, 6, **options), cr.randn(7, 2, 5)
    check(lambda x: gradients(layer, x, order), x, loops=2 * order)


@pytest.mark.parametrize("rows", [1, 8, 17])
@pytest.mark.parametrize("size", [16, 33])
def test_sizes_that_vectors_fill_and_do_not(rows, size):
    cr.manual_seed(0)
    layer, x = nn.LSTM(16, size), cr.randn(4, rows, 16)
    check(lambda x: gradients(layer, x), x, loops=2, tolerance=1e-4)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences(kind, both):
    cr.manual_seed(0)
    layer = kind(3, 4, bidirectional=both)

    def run(x):
        y, state = layer(pack_padded_sequence(x, [3, 6, 5], enforce_sorted=False))
        return [y.data, *parts(state)]

    check(run, cr.randn(6, 3, 3), loops=2)


@pytest.mark.parametrize("length", [2, 3, 1000])
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_and_directions(length, reverse):
    def step(h, x, w):
        h = (x + h @ w * 0.5).tanh()
        return h, (h, x * h)

    check(*loop(step, length, reverse=reverse))


def test_a_state_that_is_read_at_other_places_is_not_written_over():
    def step(h, x, w):
        return h.flip(1) * 0.5 + x, (h.T.sum(0),)

    check(*loop(step))


def test_states_that_change_places():
    def step(state, x, w):
        a, b = state
        return (b + x, a * 0.5), (a - b,)

    cr.manual_seed(1)
    check(*loop(step, state=(cr.randn(3, 4), cr.randn(3, 4))))


def test_a_state_that_stays_as_it_is():
    def step(state, x, w):
        kept, h = state
        return (kept, h * kept + x), (h,)

    cr.manual_seed(1)
    check(*loop(step, state=(cr.randn(3, 4), cr.randn(3, 4))))


def test_a_state_that_becomes_the_same_at_every_time():
    def step(state, x, w):
        _, h = state
        return (w[:3] * 2, h.tanh() + x), (h,)

    cr.manual_seed(1)
    check(*loop(step, state=(cr.randn(3, 4), cr.randn(3, 4))))


def test_results_that_are_no_states():
    def step(h, x, w):
        after = (h + x).tanh()
        return after, (x @ w, after.sum(1), h.exp())

    check(*loop(step))


def test_a_sum_over_a_state_and_a_maximum():
    def step(h, x, w):
        return (h - h.mean(1, keepdim=True)) + x, (h.softmax(1), h.amax(0))

    check(*loop(step))


def test_what_is_the_same_at_all_times_is_computed_before_the_loop():
    def step(h, x, w):
        return (h @ (w.T * 2).exp()).tanh() + x, (h,)

    graph, _ = recorded(*loop(step))
    plan = NativeProgram(graph).plan
    (repeated,) = plan.loops
    inside = plan.regions[repeated.first : repeated.stop]
    names = {
        node.name for region in inside for f in region.functions for node in f.kernel.nodes
    }
    assert "Exp" not in names
    assert "product" in names
    check(*loop(step))


def test_operands_are_packed_once():
    def step(h, x, w):
        return (h @ w.T.clone()).tanh() + x, (h,)

    graph, _ = recorded(*loop(step, columns=64))
    plan = NativeProgram(graph).plan
    (repeated,) = plan.loops
    labels = [[f.label for f in r.functions] for r in plan.regions]
    before, inside = labels[: repeated.first], labels[repeated.first : repeated.stop]
    assert any(label.startswith("pack") for region in before for label in region)
    assert not any("Copy[64, 64]" in label for region in labels for label in region)
    assert not any("[64, 64]" in label for region in inside for label in region)


def test_an_operation_without_code_leaves_the_loop_to_numpy():
    def step(h, x, w):
        return (h + cr.linalg.inv(x @ x.T + h.mean().exp() * cr.eye(4))).tanh(), (h,)

    run, *arguments = loop(step, rows=4)
    graph, inputs = recorded(run, *arguments)
    assert not NativeProgram(graph).plan.loops
    for a, b in zip(
        NativeProgram(graph).run(inputs), ReferenceProgram(graph).run(inputs), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_loop_over_what_another_loop_made():
    def step(h, x, w):
        h = (x + h @ w).tanh()
        return h, (h, h * x)

    def later(h, a, b):
        h = a - h * b
        return h, (h,)

    run, *arguments = loop(step)

    def both(*given):
        last, h, p = run(*given)
        _, (y,) = scan(later, last, [h, p], reverse=True)
        return y, h[2], cr.linalg.inv(h[1] @ h[1].T + cr.eye(3))

    graph, inputs = recorded(both, *arguments)
    program = NativeProgram(graph)
    assert len(program.plan.loops) == 2
    pieces = [node for k in program.plan.kernels if k.kind == "loop" for node in k.nodes[1:]]
    assert {program.plan.buffers[id(node)].home for node in pieces} == {"part"}
    for a, b in zip(program.run(inputs), ReferenceProgram(graph).run(inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_loop_with_constants_and_single_numbers():
    table = cr.randn(4, 4)

    def step(h, x, w):
        return (h @ table + x * table.sum()).tanh() * 0.5, (h + 1,)

    check(*loop(step))


def test_a_loop_over_nothing():
    def step(h, x, w):
        return (x + h @ w).tanh(), (h,)

    check(*loop(step, rows=0))


def test_rows_that_a_step_looks_up():
    cr.manual_seed(0)
    table, places = cr.randn(5, 4), cr.randint(0, 5, (6, 3))

    def run(table, places):
        def step(h, i):
            h = (h * 0.5 + nn.functional.embedding(i, table)).tanh()
            return h, (h,)

        last, ys = scan(step, table[:3] * 0, [places])
        return [last, *ys]

    check(run, table, places)
    graph, (first, second) = recorded(run, table, places)
    wrong = second.copy()
    wrong[4, 1] = 5
    programs, found = [NativeProgram(graph), ReferenceProgram(graph)], []
    for program in programs:
        with pytest.raises(AxisError) as caught:
            program.run([first, wrong])
        found.append(str(caught.value))
    assert found[0] == found[1]
    for a, b in zip(*[program.run([first, second]) for program in programs], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_an_operation_with_a_kernel_of_its_own():
    def step(h, x, w):
        h = (h + x).cumsum(1).tanh()
        return h, (h.sort(1).values,)

    check(*loop(step))


def test_convolutions_in_a_loop():
    cr.manual_seed(0)
    x, w, start = cr.randn(4, 2, 3, 6, 5), cr.randn(3, 3, 3, 3) / 5, cr.randn(2, 3, 6, 5)

    def run(start, x, w):
        def step(h, x):
            h = (nn.functional.conv2d(h, w, padding=1) + x).tanh()
            return h, (h,)

        last, ys = scan(step, start, [x])
        return [last, *ys]

    check(run, start, x, w)


@pytest.mark.parametrize("dtype", [cr.float64, cr.bfloat16, cr.float16])
def test_other_types(dtype):
    def step(h, x, w):
        h = (x + h @ w).tanh()
        return h, (h,)

    run, *arguments = loop(step)
    tolerance = 1e-12 if dtype is cr.float64 else 2e-2
    graph, inputs = recorded(run, *[a.to(dtype) for a in arguments])
    assert NativeProgram(graph).plan.loops
    for a, b in zip(
        NativeProgram(graph).run(inputs), ReferenceProgram(graph).run(inputs), strict=True
    ):
        a, b = np.asarray(a.astype(np.float64)), np.asarray(b.astype(np.float64))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_the_same_bits_for_any_number_of_threads():
    cr.manual_seed(0)
    layer, x = nn.LSTM(32, 96), cr.randn(6, 8, 32)
    graph, inputs = recorded(lambda x: gradients(layer, x), x)
    program, found, before = NativeProgram(graph), [], cr.get_num_threads()
    try:
        for threads in (1, 2, 3):
            cr.set_num_threads(threads)
            found.append([y.tobytes() for y in program.run(inputs)])
    finally:
        cr.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_the_text_does_not_grow_with_the_length():
    def step(h, x, w):
        h = (x + h @ w).tanh()
        return h, (h,)

    sizes = []
    for length in (10, 1000):
        graph, _ = recorded(*loop(step, length))
        sizes.append(len(NativeProgram(graph).plan.functions.texts))
    assert sizes[0] == sizes[1]
