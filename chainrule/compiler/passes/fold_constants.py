"""Compute at compile time what depends on constants alone."""

from __future__ import annotations

from chainrule.ir.graph import Graph

LARGEST = 4096  # elements: a larger result is cheaper to compute again than to keep


def fold_constants(graph: Graph) -> Graph:
    """The graph with equations on small constants replaced by their value."""
    constants = dict(graph.constants)
    equations = []
    for equation in graph.equations:
        size = 1
        for n in equation.output.shape:
            size *= n
        if size <= LARGEST and all(v in constants for v in equation.inputs):
            values = tuple([constants[v] for v in equation.inputs])
            constants[equation.output] = equation.primitive.evaluate(values, equation.params)
        else:
            equations.append(equation.with_bodies(fold_constants))
    return Graph(graph.inputs, constants, equations, graph.outputs)
