"""Checks that a graph is well formed; run after every pass."""

from __future__ import annotations

from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ir.printer import kind


class MalformedGraph(Exception):
    """A pass broke the rules of the representation: a defect of chainrule, not of the user."""


def verify(graph: Graph) -> None:
    """Raise MalformedGraph unless every variable is defined once, before its use,
    with the shape and type that its primitive's rules give."""
    defined: set[Variable] = set()
    for variable in (*graph.inputs, *graph.constants):
        _define(variable, defined)
    for variable, value in graph.constants.items():
        if value.shape != variable.shape or value.dtype != variable.dtype:
            raise MalformedGraph(f"a constant is not the {kind(variable)} it is declared as")
    for equation in graph.equations:
        _verify_equation(equation, defined)
        _define(equation.output, defined)
    if missing := [v for v in graph.outputs if v not in defined]:
        raise MalformedGraph(f"outputs without a definition: {[kind(v) for v in missing]}")


def _define(variable: Variable, defined: set[Variable]) -> None:
    if variable in defined:
        raise MalformedGraph(f"a {kind(variable)} is defined twice")
    defined.add(variable)


def _verify_equation(equation: Equation, defined: set[Variable]) -> None:
    primitive, inputs = equation.primitive, equation.inputs
    if any(v not in defined for v in inputs):
        raise MalformedGraph(f"{primitive.__name__} reads a variable before its definition")
    shape = primitive.shape(*[v.shape for v in inputs], **equation.params)
    dtype = primitive.dtype(*[v.dtype for v in inputs], **equation.params)
    if (shape, dtype) != (equation.output.shape, equation.output.dtype):
        expected = kind(Variable(shape, dtype))
        raise MalformedGraph(
            f"{primitive.__name__} gives {expected}, declared is {kind(equation.output)}"
        )
