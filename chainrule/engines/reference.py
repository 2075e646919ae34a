"""The reference engine: a graph run equation by equation with the primitives' own NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.ir.graph import Graph, Variable


class ReferenceProgram:
    """A graph made ready to run: each variable has a slot, emptied after its last use."""

    def __init__(self, graph: Graph) -> None:
        slots: dict[Variable, int] = {v: i for i, v in enumerate(graph.variables())}
        self._constants = list(graph.constants.values())
        self._blanks: list[None] = [None] * len(graph.equations)
        self._outputs = [slots[v] for v in graph.outputs]
        self._steps = [
            (
                equation.primitive.evaluate,
                tuple(slots[v] for v in equation.inputs),
                equation.params,
                slots[equation.output],
                tuple(slots[v] for v in dead),
            )
            for equation, dead in zip(graph.equations, graph.last_uses(), strict=True)
        ]

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the graph for these inputs."""
        values: list = [*inputs, *self._constants, *self._blanks]
        for evaluate, arguments, params, output, dead in self._steps:
            values[output] = evaluate(tuple([values[i] for i in arguments]), params)
            for slot in dead:
                values[slot] = None
        return [values[i] for i in self._outputs]
