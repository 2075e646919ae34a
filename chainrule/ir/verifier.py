"""Checks that a graph is well formed; run after every pass."""

from __future__ import annotations

from collections.abc import Container

from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ir.printer import kind


class MalformedGraph(Exception):
    """A pass broke the rules of the representation: a defect of chainrule, not of the user."""


def verify(graph: Graph, sound: Container[Equation] = ()) -> None:
    """Raise MalformedGraph unless every variable is defined once, before its use,
    with the shape and type that its primitive's rules give.

    Args: sound: equations that follow the rules of their primitives, as is known already: a
        pass makes new equations, and leaves those as they are that it was given.
    """
    defined: set[Variable] = set()
    for variable in (*graph.inputs, *graph.constants):
        _define(variable, defined)
    for variable, value in graph.constants.items():
        if value.shape != variable.shape or value.dtype != variable.dtype:
            raise MalformedGraph(f"a constant is not the {kind(variable)} it is declared as")
    for equation in graph.equations:
        if any(v not in defined for v in equation.inputs):
            name = equation.primitive.__name__
            raise MalformedGraph(f"{name} reads a variable before its definition")
        if equation not in sound:
            _verify_equation(equation)
        _define(equation.output, defined)
    if missing := [v for v in graph.outputs if v not in defined]:
        raise MalformedGraph(f"outputs without a definition: {[kind(v) for v in missing]}")


def _define(variable: Variable, defined: set[Variable]) -> None:
    if variable in defined:
        raise MalformedGraph(f"a {kind(variable)} is defined twice")
    defined.add(variable)


def _verify_equation(equation: Equation) -> None:
    primitive, inputs = equation.primitive, equation.inputs
    for body in equation.bodies():
        _verify_body(equation, body)
    shape = primitive.shape(*[v.shape for v in inputs], **equation.params)
    dtype = primitive.dtype(*[v.dtype for v in inputs], **equation.params)
    if (shape, dtype) != (equation.output.shape, equation.output.dtype):
        expected = kind(Variable(shape, dtype))
        raise MalformedGraph(
            f"{primitive.__name__} gives {expected}, declared is {kind(equation.output)}"
        )


def _verify_body(equation: Equation, body: Graph) -> None:
    """The body of a loop: sound, and repeated with what it takes and gives."""
    verify(body)
    name, states = equation.primitive.__name__, equation.params["states"]
    columns = range(states, states + equation.params["sequences"])
    steps = (equation.params["length"],)
    if len(body.inputs) != len(equation.inputs) or len(body.outputs) < states:
        raise MalformedGraph(f"{name} has a body of another number of inputs or states")
    for i, (given, taken) in enumerate(zip(equation.inputs, body.inputs, strict=True)):
        shape = (*steps, *taken.shape) if i in columns else taken.shape
        if (given.shape, given.dtype) != (shape, taken.dtype):
            raise MalformedGraph(f"{name} hands a {kind(given)} to its body's {kind(taken)}")
    for before, after in zip(body.inputs[:states], body.outputs[:states], strict=True):
        if before.shape != after.shape:
            raise MalformedGraph(f"a state of {name} is a {kind(before)}, then {kind(after)}")
    if any(v.dtype != body.inputs[0].dtype for v in body.outputs):
        raise MalformedGraph(f"{name} has a body that gives another type than its first state")
