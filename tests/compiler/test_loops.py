"""Loops over time in compiled functions: one equation each, and the eager numbers."""

from __future__ import annotations

from contextvars import ContextVar

import numpy as np
import pytest
from both_engines import ENGINES as ENGINES
from both_engines import alike

import chainrule as cr
from chainrule import nn
from chainrule.compiler.passes.eliminate_common_subexpressions import (
    eliminate_common_subexpressions,
)
from chainrule.compiler.passes.eliminate_dead_code import eliminate_dead_code
from chainrule.compiler.passes.narrow_loops import narrow_loops
from chainrule.engines.reference import ReferenceProgram
from chainrule.errors import TraceError
from chainrule.functional.scan import scan
from chainrule.ir.graph import Variable
from chainrule.ir.printer import render
from chainrule.ir.verifier import MalformedGraph, verify
from chainrule.nn.utils.rnn import pack_padded_sequence
from chainrule.tensor.number import changing_number, steering_value
from chainrule.tensor.scan import Scan
from chainrule.tensor.trace import Trace

KINDS = ("RNN", "LSTM", "GRU")
FORMS = {
    "plain": {},
    "both ways, two layers": {"bidirectional": True, "num_layers": 2},
    "without bias": {"bias": False},
    "relu": {"nonlinearity": "relu"},
    "projected": {"proj_size": 2},
}
CASES = [
    (kind, form)
    for kind in KINDS
    for form in FORMS
    if (form != "relu" or kind == "RNN") and (form != "projected" or kind == "LSTM")
]


def layer_of(kind, form="plain"):
    cr.manual_seed(0)
    return getattr(nn, kind)(3, 4, **FORMS[form])


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def start_of(layer, rows):
    shape = layer.num_layers * (2 if layer.bidirectional else 1), rows
    h, c = cr.randn(*shape, layer.proj_size or 4), cr.randn(*shape, 4)
    return (h, c) if layer.mode == "LSTM" else (h,)


def graph_of(compiled):
    """The one graph of a compiled function, before the passes."""
    ((_, recording),) = compiled._recordings
    return recording.traced


def loops(graph):
    return [e for e in graph.equations if e.primitive is Scan]


def same(found, expected):
    return all(alike(a, b) for a, b in zip(found, expected, strict=True))


def gradients(layer, x, start, order=1):
    """What a layer gives, and the gradients of the input, the states and the weights."""
    leaves = [t.detach().requires_grad_() for t in (x, *start)]
    given = tuple(leaves[1:]) if layer.mode == "LSTM" else leaves[1]
    y, state = layer(leaves[0], given)
    loss = y.square().sum() + sum((part**3).sum() for part in parts(state))
    over = [*leaves, *layer.parameters()]
    found = cr.autograd.grad(loss, over, create_graph=order == 2)
    if order == 2:
        found = cr.autograd.grad(sum(g.square().sum() for g in found), over)
    return [t.detach() for t in (y, *parts(state), *found)]


# -- layers --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("kind", "form"), CASES)
def test_a_compiled_layer_and_its_derivatives_are_the_eager_ones(kind, form, order):
    layer = layer_of(kind, form)
    x, start = cr.randn(5, 2, 3), start_of(layer, 2)
    compiled = cr.compile(gradients)
    assert same(compiled(layer, x, start, order), gradients(layer, x, start, order))
    assert len(loops(graph_of(compiled))) >= 2 * order


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences(kind, both):
    cr.manual_seed(0)
    layer = getattr(nn, kind)(3, 4, bidirectional=both)

    def run(x):
        x = x.detach().requires_grad_()
        y, state = layer(pack_padded_sequence(x, [3, 6, 5], enforce_sorted=False))
        loss = y.data.square().sum() + sum(part.sum() for part in parts(state))
        found = cr.autograd.grad(loss, [x, *layer.parameters()])
        return [t.detach() for t in (y.data, *parts(state), *found)]

    x, compiled = cr.randn(6, 3, 3), cr.compile(run)
    assert same(compiled(x), run(x))
    assert len(loops(graph_of(compiled))) == (8 if both else 4)  # of 3, 2 and 1 steps


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_from_outside_a_compiled_layer(kind):
    layer, x, found = layer_of(kind), cr.randn(6, 2, 3), []
    for run in (layer, cr.compile(layer)):
        leaf = x.clone().requires_grad_()
        run(leaf)[0].square().sum().backward()
        found.append([leaf.grad, *[p.grad for p in layer.parameters()]])
        layer.zero_grad()
    assert same(*found)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_the_graph_nor_the_work_of_tracing_grow_with_the_length(kind, monkeypatch):
    emit, emitted, counts = Trace.emit, [], []

    def counted(self, primitive, inputs, params):
        emitted.append(primitive)
        return emit(self, primitive, inputs, params)

    monkeypatch.setattr(Trace, "emit", counted)
    layer = layer_of(kind)
    for length in (10, 1000):
        emitted.clear()
        compiled = cr.compile(gradients)
        compiled(layer, cr.zeros(length, 2, 3), start_of(layer, 2))
        graph = graph_of(compiled)
        bodies = [len(e.params["body"].equations) for e in loops(graph)]
        counts.append((len(emitted), len(graph.equations), bodies))
    assert counts[0] == counts[1] and len(counts[0][2]) == 2


def test_ctc_loss_without_gradients_is_one_loop():
    cr.manual_seed(0)
    x, labels = cr.randn(7, 2, 4).log_softmax(2), cr.tensor([[1, 2, 2], [3, 1, 0]])

    def loss(x):
        return nn.functional.ctc_loss(x, labels, [7, 5], [3, 2], reduction="none")

    compiled = cr.compile(loss)
    assert alike(compiled(x), loss(x)) and len(loops(graph_of(compiled))) == 1


# -- what a step may do --------------------------------------------------------------------


def run_of(step, differentiated=True):
    """A function that loops with `step(s, x, w)`, and the gradients of what it gives."""

    def run(start, xs, w):
        leaves = [t.detach().requires_grad_(differentiated) for t in (start, xs, w)]

        def one(s, x):
            s = step(s, x, leaves[2])
            return s, (s.square(),)

        s, (ys,) = scan(one, leaves[0], [leaves[1]])
        if not differentiated:
            return [s, ys]
        found = cr.autograd.grad(s.sum() + ys.sum(), leaves, allow_unused=True)
        return [s.detach(), ys.detach(), *[g for g in found if g is not None]]

    return run


def example(dtype=cr.float32):
    cr.manual_seed(1)
    return cr.randn(2, 3, dtype=dtype), cr.randn(5, 2, 3), cr.randn(3, 3)


def is_one_equation(step, differentiated=True):
    """Whether the loop is one; its numbers are the eager ones in any case."""
    run = run_of(step, differentiated)
    compiled = cr.compile(run)
    for seed in (3, 4):
        cr.manual_seed(seed)
        expected = run(*example())
        cr.manual_seed(seed)
        assert same(compiled(*example()), expected)
    return bool(loops(graph_of(compiled)))


class Doubling(cr.autograd.Function):
    """Its derivative is not that of what it computes."""

    @staticmethod
    def forward(ctx, x):
        return x * 1.0

    @staticmethod
    def backward(ctx, g):
        return g * 2


def unrecorded(s, x, w):
    with cr.no_grad():
        scale = s.abs().sum()
    return (s * scale).tanh() @ w + x


ORDINARY = {
    "products": lambda s, x, w: (x + s @ w).tanh(),
    "a constant": lambda s, x, w: s @ w * cr.tensor([1.0, 2.0, 3.0]) + cr.ones(3) * x,
    "masks": lambda s, x, w: (s @ w + x).where(x > 0, s),
    "in place": lambda s, x, w: (s @ w).add_(x).tanh_(),
    "detached from outside": lambda s, x, w: (x + s @ w * w.detach().sum()).tanh(),
}
HIDDEN = {
    "detach": lambda s, x, w: (s - s.detach() * 0.5) @ w + x,
    "no_grad": unrecorded,
    "a Function": lambda s, x, w: Doubling.apply(s @ w).tanh() + x,
    "the state as it is": lambda s, x, w: s,
    "without a state": lambda s, x, w: x @ w,
    "without a gradient": lambda s, x, w: (s > 0) * x + w.sum() * x,
}


@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.parametrize("differentiated", [False, True])
def test_a_step_of_tensor_operations_is_a_body(name, differentiated):
    assert is_one_equation(ORDINARY[name], differentiated)


@pytest.mark.parametrize("name", HIDDEN)
def test_a_step_whose_derivative_the_graph_does_not_tell_is_not(name):
    assert not is_one_equation(HIDDEN[name])
    assert is_one_equation(HIDDEN[name], differentiated=False)


def test_random_numbers_are_drawn_anew_at_every_step():
    def step(s, x, w):
        return nn.functional.dropout(s, 0.5) + x

    assert not is_one_equation(step)
    assert not is_one_equation(step, differentiated=False)


def test_a_step_that_writes_outside_is_not_a_body():
    count = cr.zeros(())

    def step(s, x, w):
        with cr.no_grad():
            count.add_(1)
        return s * 0.5 + x * count

    run = cr.compile(run_of(step, differentiated=False))
    run(*example())
    assert not loops(graph_of(run)) and count.item() == 5


def test_a_state_that_changes_its_type_or_shape():
    wide = example(cr.float64)
    run = run_of(lambda s, x, w: s.float() + x)
    compiled = cr.compile(run)
    assert same(compiled(*wide), run(*wide)) and not loops(graph_of(compiled))

    def growing(xs):
        return scan(lambda s, x: (cr.cat([s, x], 1), ()), xs[0], [xs])[0]

    xs = cr.randn(3, 2, 1)
    assert alike(cr.compile(growing)(xs), growing(xs))


def test_a_step_that_a_python_value_steers_is_traced_anew_when_it_changes():
    flip = ContextVar("flip")

    def step(s, x, w):
        return s - x if steering_value(flip.get, "flip") else s + x

    run = run_of(step)
    compiled = cr.compile(run)
    for value in (False, True, False):
        flip.set(value)
        assert same(compiled(*example()), run(*example()))
    assert compiled.explain().reasons() == ["the first call", "flip changed"]


def test_a_step_follows_a_changing_number():
    group = {"rate": 0.5}
    run = run_of(lambda s, x, w: s * changing_number(lambda: group["rate"]) + x, False)
    compiled = cr.compile(lambda *xs: run(*xs))
    read = []
    for rate in (0.5, 0.25):
        group["rate"] = rate
        read.append(compiled(*example()))
        assert same(read[-1], run(*example()))
    assert not read[0][0].equal(read[1][0])


def test_a_step_that_needs_numbers_raises():
    with pytest.raises(TraceError, match="CR401"):
        cr.compile(run_of(lambda s, x, w: s + x if s.sum().item() > 0 else s))(*example())


def test_one_step_is_written_out():
    compiled = cr.compile(run_of(ORDINARY["products"]))
    start, xs, w = example()
    compiled(start, xs[:1], w)
    assert not loops(graph_of(compiled))


# -- graphs --------------------------------------------------------------------------------


def loop_graph(step=ORDINARY["products"], differentiated=False):
    compiled = cr.compile(run_of(step, differentiated))
    compiled(*example())
    ((_, recording),) = compiled._recordings
    inputs = [binding.read(list(example())) for binding in recording.bindings]
    return recording.traced, inputs


def test_a_loop_stands_in_the_text_with_its_body():
    text = render(loop_graph()[0])
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if "Scan(" in line)
    assert lines[at].endswith("states=1; sequences=1; length=5; reverse=False)")
    assert lines[at + 1] == (
        "    graph(%0: float32[2, 3], %1: float32[2, 3], %2: float32[3, 3]) {"
    )
    assert lines[at + 2] == "      %3: float32[2, 3] = MatMul(%0, %2)"
    assert lines[at + 6 : at + 8] == ["      return %5, %6", "    }"]


def broken(change):
    graph, _ = loop_graph()
    (loop,) = loops(graph)
    change(loop, loop.params["body"])
    return graph


@pytest.mark.parametrize(("change", "message"), [
    (lambda loop, body: body.equations.reverse(), "before its definition"),
    (lambda loop, body: body.inputs.pop(), "before its definition"),
    (lambda loop, body: body.inputs.append(Variable((), np.dtype(float))), "another number"),
    (lambda loop, body: setattr(loop, "inputs", loop.inputs[1:] + loop.inputs[:1]), "hands"),
    (lambda loop, body: loop.params.update(length=4), "hands"),
    (lambda loop, body: body.outputs.append(body.outputs[0]), "declared is"),
    (lambda loop, body: body.outputs.__setitem__(0, body.inputs[2]), "a state of Scan"),
])  # fmt: skip
def test_a_broken_loop_is_found(change, message):
    with pytest.raises(MalformedGraph, match=message):
        verify(broken(change))


def test_the_passes_act_on_bodies_too():
    def wasteful(s, x, w):
        s.exp()
        return s.sin() * s.sin() + x * (cr.ones(3) * 2)

    graph, inputs = loop_graph(wasteful)
    expected = ReferenceProgram(graph).run(inputs)
    assert len(loops(graph)[0].params["body"].equations) == 9
    for transform in (eliminate_dead_code, eliminate_common_subexpressions):
        graph = transform(graph)
        verify(graph)
    names = [e.primitive.__name__ for e in loops(graph)[0].params["body"].equations]
    assert "Exp" not in names and names.count("Sin") == 1
    for a, b in zip(ReferenceProgram(graph).run(inputs), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_equal_loops_become_one_and_unlike_ones_stay_apart():
    def three(start, xs):
        def loop(scale):
            return scan(lambda s, x: (s * scale + x, ()), start, [xs])[0]

        return loop(0.5), loop(0.5), loop(0.25), loop(-0.0), loop(0.0)

    compiled = cr.compile(three)
    start, xs, _ = example()
    assert same(compiled(start, xs), three(start, xs))
    graph = graph_of(compiled)
    assert len(loops(graph)) == 5
    assert len(loops(eliminate_common_subexpressions(graph))) == 4


def test_what_nobody_reads_of_a_loop_is_not_kept():
    layer = layer_of("LSTM").eval()
    compiled = cr.compile(lambda x: layer(x)[0].detach())
    x = cr.randn(5, 2, 3)
    compiled(x)
    ((_, recording),) = compiled._recordings
    graph = eliminate_dead_code(recording.traced)
    narrow = eliminate_dead_code(narrow_loops(graph))
    verify(narrow)
    ((wide,), (loop,)) = loops(graph), loops(narrow)
    assert wide.output.shape == (5 * 2 * (4 + 4 + 16) + 2 * 8,)
    assert loop.output.shape == (5 * 2 * 4 + 2 * 8,)
    inputs = [binding.read([x]) for binding in recording.bindings]
    (got,), (expected,) = (ReferenceProgram(g).run(inputs) for g in (narrow, graph))
    np.testing.assert_array_equal(got, expected)


def test_a_loop_that_is_read_whole_is_left_alone():
    graph, _ = loop_graph()
    (loop,) = loops(graph)
    graph.outputs.append(loop.output)
    assert loops(narrow_loops(graph))[0].params["body"].outputs == loop.params["body"].outputs
