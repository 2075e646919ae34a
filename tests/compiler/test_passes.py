"""Every pass keeps the meaning of a graph, bit for bit, and does what its name says."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.compiler.passes.eliminate_common_subexpressions import (
    eliminate_common_subexpressions,
)
from chainrule.compiler.passes.eliminate_dead_code import eliminate_dead_code
from chainrule.compiler.passes.fold_constants import fold_constants
from chainrule.compiler.pipeline import PASSES, optimize
from chainrule.engines.reference import ReferenceProgram
from chainrule.ir.graph import Equation, Graph
from chainrule.ir.verifier import MalformedGraph, verify

ENGINES = ("reference",)  # passes keep every bit, and what runs them is the same


def traced(function, *arguments):
    """The graph of a function before the passes, and inputs for it."""
    compiled = cr.compile(function)
    compiled(*arguments)
    recording = compiled._recordings[0][1]
    return recording.traced, [binding.read(list(arguments)) for binding in recording.bindings]


def training_step():
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.3),
                          nn.Linear(5, 3))  # fmt: skip
    optimizer = optim.Adam(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return traced(step, cr.randn(6, 4), cr.tensor([0, 1, 2, 0, 1, 2]))


def second_derivative():
    def curvature(x):
        x = x.detach().requires_grad_()
        (slope,) = cr.autograd.grad((x**3 * x.sin()).sum(), x, create_graph=True)
        return cr.autograd.grad(slope.sum(), x)[0]

    return traced(curvature, cr.linspace(-1, 1, 5))


@pytest.mark.parametrize("program", [training_step, second_derivative])
@pytest.mark.parametrize("transform", [*dict.fromkeys(PASSES), lambda g: optimize(g)[0]])
def test_a_pass_changes_no_bit(program, transform):
    graph, inputs = program()
    expected = ReferenceProgram(graph).run(inputs)
    changed = transform(graph)
    verify(changed)
    for a, b in zip(expected, ReferenceProgram(changed).run(inputs), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def names(graph):
    return [equation.primitive.__name__ for equation in graph.equations]


def test_dead_code_goes():
    def function(x):
        x.exp().sin()
        return x + 1

    graph, _ = traced(function, cr.ones(2))
    assert names(graph) == ["Exp", "Sin", "Add"]
    assert names(eliminate_dead_code(graph)) == ["Add"]


def test_equal_equations_become_one_but_unlike_numbers_stay_apart():
    def function(x):
        return x.exp() + x.exp(), x * 0.0, x * -0.0, x.sum(0), x.sum(0, keepdim=True)

    graph, _ = traced(function, cr.ones(2))
    assert names(eliminate_common_subexpressions(graph)) == [
        "Exp", "Add", "Multiply", "Multiply", "Sum", "Sum",
    ]  # fmt: skip


def test_random_draws_are_not_equal():
    graph, _ = traced(lambda: cr.rand(2) + cr.rand(2))
    assert names(eliminate_common_subexpressions(graph)).count("RandomUniform") == 2


def test_constants_are_folded_unless_they_are_large():
    def function(x):
        return x + cr.ones(3) * 2 + cr.zeros(5000).sum()

    graph, _ = traced(function, cr.ones(3))
    folded = eliminate_dead_code(fold_constants(graph))
    assert names(folded) == ["Add", "Full", "Sum", "Add"]


def test_a_pass_that_breaks_the_graph_is_caught():
    graph, _ = traced(lambda x: x + 1, cr.ones(2))

    def broken(graph):
        equation = graph.equations[0]
        unknown = type(equation.output)((2,), np.dtype(np.float32))
        wrong = Equation(equation.primitive, (unknown, unknown), {}, equation.output)
        return Graph(graph.inputs, graph.constants, [wrong], graph.outputs)

    with pytest.raises(MalformedGraph):
        optimize(graph, (broken,))


def test_explain_tells_what_happened():
    compiled = cr.compile(lambda x: (x.exp() + x.exp()).sum())
    compiled(cr.ones(2))
    compiled(cr.ones(3))
    explanation = compiled.explain()
    assert explanation.reasons() == [
        "the first call",
        "the arguments differ: tensor 0 has shape (3,) instead of (2,)",
    ]
    text = str(explanation)
    assert "engine reference, 2 recordings" in text
    assert "eliminate_common_subexpressions: 4 → 3 equations" in text
    assert explanation.graph(0).count("Exp") == 1
    assert explanation.graph(0, optimized=False).count("Exp") == 2
    assert "test_passes.py" in explanation.graph(0, sources=True)
