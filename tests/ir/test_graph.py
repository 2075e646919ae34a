"""The intermediate representation: printer, verifier, lifetimes."""

import numpy as np
import pytest

from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ir.printer import render
from chainrule.ir.verifier import MalformedGraph, verify
from chainrule.ops.arithmetic import Add, Multiply

FLOAT = np.dtype(np.float32)


def sample():
    x, c = Variable((2,), FLOAT), Variable((), FLOAT)
    y, z = Variable((2,), FLOAT), Variable((2,), FLOAT)
    equations = [Equation(Multiply, (x, c), {}, y, "Net at train.py:3"),
                 Equation(Add, (y, x), {}, z)]  # fmt: skip
    return Graph([x], {c: np.array(3, FLOAT)}, equations, [z])


def test_a_graph_reads_as_text():
    assert render(sample(), sources=True).splitlines() == [
        "graph(%0: float32[2]) {",
        "  %1: float32[] = constant 3.0",
        "  %2: float32[2] = Multiply(%0, %1)    # Net at train.py:3",
        "  %3: float32[2] = Add(%2, %0)",
        "  return %3",
        "}",
    ]


def test_a_sound_graph_passes():
    verify(sample())


def test_what_is_known_to_follow_its_primitive_is_not_computed_again():
    graph = sample()
    second = graph.equations[1]
    second.output = graph.outputs[0] = Variable((3,), FLOAT)
    verify(graph, sound={second})
    with pytest.raises(MalformedGraph, match="declared is"):
        verify(graph, sound={graph.equations[0]})
    graph.equations.reverse()
    with pytest.raises(MalformedGraph, match="before its definition"):
        verify(graph, sound=set(graph.equations))


def test_variables_end_at_their_last_use():
    graph = sample()
    (x,), (c,), (z,) = graph.inputs, graph.constants, graph.outputs
    y = graph.equations[0].output
    assert list(map(set, graph.last_uses())) == [{c}, {x, y}]
    assert z not in {x, y, c}


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda g: g.equations.reverse(), "before its definition"),
    (lambda g: g.equations.append(g.equations[0]), "defined twice"),
    (lambda g: g.outputs.append(Variable((), FLOAT)), "without a definition"),
    (lambda g: setattr(g.equations[1], "output", Variable((3,), FLOAT)), "declared is"),
    (lambda g: g.constants.update({next(iter(g.constants)): np.ones(2)}), "constant"),
])  # fmt: skip
def test_a_broken_graph_is_found(spoil, message):
    graph = sample()
    spoil(graph)
    with pytest.raises(MalformedGraph, match=message):
        verify(graph)
