"""Remove what nobody reads."""

from __future__ import annotations

from chainrule.ir.graph import Graph


def eliminate_dead_code(graph: Graph) -> Graph:
    """The graph without equations and constants that no output depends on."""
    needed = set(graph.outputs)
    kept = []
    for equation in reversed(graph.equations):
        if equation.output in needed:
            needed.update(equation.inputs)
            kept.append(equation.with_bodies(eliminate_dead_code))
    constants = {v: value for v, value in graph.constants.items() if v in needed}
    return Graph(graph.inputs, constants, kept[::-1], graph.outputs)
