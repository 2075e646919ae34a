"""Compute equal things once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.ir.graph import Equation, Graph, Variable


def eliminate_common_subexpressions(graph: Graph) -> Graph:
    """The graph with one equation for all that apply a primitive to the same inputs.

    Primitives are pure functions of their inputs and parameters (random ones too: their
    state is an input), so equal equations have equal values.
    """
    same: dict[Variable, Variable] = {}
    first: dict[Any, Variable] = {}
    constants: dict[Variable, np.ndarray] = {}
    for variable, value in graph.constants.items():
        content = (value.shape, value.dtype, value.strides, value.tobytes())
        same[variable] = first.setdefault(content, variable)
        if same[variable] is variable:
            constants[variable] = value
    equations = []
    for whole in graph.equations:
        equation = whole.with_bodies(eliminate_common_subexpressions)
        inputs = tuple([same.get(v, v) for v in equation.inputs])
        key = (
            equation.primitive,
            inputs,
            tuple(sorted(map(_as_text, equation.params.items()))),
        )
        found = first.setdefault(key, equation.output)
        if found is equation.output:
            equations.append(_reading(equation, inputs))
        same[equation.output] = found
    outputs = [same.get(v, v) for v in graph.outputs]
    return Graph(graph.inputs, constants, equations, outputs)


def _reading(equation: Equation, inputs: tuple[Variable, ...]) -> Equation:
    return equation if inputs == equation.inputs else replace(equation, inputs=inputs)


def _as_text(item: tuple[str, Any]) -> tuple[str, str]:
    """A parameter as text that tells 1 from 1.0 and True, and 0.0 from -0.0."""
    name, value = item
    return name, repr(value)
