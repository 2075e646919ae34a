"""The reference engine: a graph run equation by equation with the primitives' own NumPy."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import numpy as np

from chainrule.engines.visits import Life, Visit, Visitor, Watched, nobody, visits
from chainrule.ir.graph import Graph, Variable


class ReferenceProgram:
    """A graph made ready to run: each variable has a slot, emptied after its last use."""

    def __init__(self, graph: Graph) -> None:
        slots: dict[Variable, int] = {v: i for i, v in enumerate(graph.variables())}
        self._graph, self._slots = graph, slots
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
        return self._run((), inputs, nobody)

    def watched(self, wanted: Iterable[Variable]) -> Watched:
        """The same, showing those of the wanted values that are there."""
        found = visits(self._graph, wanted, self._lives())
        return Watched(found, functools.partial(self._run, found))

    def _run(
        self, shown: Sequence[Visit], inputs: Sequence[np.ndarray], visitor: Visitor
    ) -> list[np.ndarray]:
        values: list = [*inputs, *self._constants, *self._blanks]
        still, slots = iter(shown), self._slots
        visit = next(still, None)
        for number, (evaluate, arguments, params, output, dead) in enumerate(self._steps):
            values[output] = evaluate(tuple([values[i] for i in arguments]), params)
            while visit is not None and visit.after <= number:
                value = functools.partial(visit.value, lambda v: values[slots[v]])
                visitor(visit.variable, value)
                visit = next(still, None)
            for slot in dead:
                values[slot] = None
        return [values[i] for i in self._outputs]

    def _lives(self) -> dict[Variable, Life]:
        """From which equation to which each value is there."""
        lives = dict.fromkeys(self._slots, (-1, len(self._steps)))
        for number, (equation, dead) in enumerate(
            zip(self._graph.equations, self._graph.last_uses(), strict=True)
        ):
            lives[equation.output] = number, len(self._steps)
            lives |= {v: (lives[v][0], number) for v in dead}
        return lives
