"""A graph as text, one equation a line."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.ir.graph import Graph, Variable


def render(graph: Graph, sources: bool = False) -> str:
    """The graph as readable text; with `sources`, each line says where it comes from.

    The body of a loop stands indented under its equation, with names of its own.
    """
    names = {variable: f"%{i}" for i, variable in enumerate(graph.variables())}
    inputs = ", ".join(f"{names[v]}: {kind(v)}" for v in graph.inputs)
    lines = [f"graph({inputs}) {{"]
    for variable, value in graph.constants.items():
        lines.append(f"  {names[variable]}: {kind(variable)} = constant {_value(value)}")
    for equation in graph.equations:
        arguments = ", ".join(names[v] for v in equation.inputs)
        plain = {k: v for k, v in equation.params.items() if not isinstance(v, Graph)}
        params = "".join(f"; {k}={_param(v)}" for k, v in plain.items())
        output = f"{names[equation.output]}: {kind(equation.output)}"
        line = f"  {output} = {equation.primitive.__name__}({arguments}{params})"
        note = f"    # {equation.source}" if sources and equation.source else ""
        lines.append(line + note)
        for body in equation.bodies():
            lines.append(indent(render(body, sources), "    "))
    outputs = ", ".join(names[v] for v in graph.outputs)
    return "\n".join([*lines, f"  return {outputs}", "}"])


def kind(variable: Variable) -> str:
    """Type and shape, such as `float32[32, 10]`."""
    return f"{dtypes.OF_NUMPY[variable.dtype].name}{list(variable.shape)}"


def _value(array: np.ndarray) -> str:
    if array.size == 1:
        return str(array.reshape(-1)[0])
    return f"<{array.size} elements>"


def _param(value: Any) -> str:
    if isinstance(value, np.dtype):
        return dtypes.OF_NUMPY[value].name
    return str(value)
