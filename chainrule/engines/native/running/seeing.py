"""Where the values of a graph lie while its native program runs, and for how long."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from chainrule.engines.native.running.blueprint import Blueprint
from chainrule.engines.native.running.program import Program
from chainrule.engines.visits import Life, Visit
from chainrule.ir.graph import Graph, Variable


def with_stops(segments: Iterable, shown: Sequence[Visit]) -> list:
    """Programs and calls of NumPy in their order, the programs in parts, and between them the
    visits."""
    found: list = []
    first = 0
    for segment in segments:
        stop = first + (segment.regions if isinstance(segment, Program) else 1)
        cuts = sorted({v.after + 1 for v in shown if first < v.after + 1 < stop})
        for a, b in itertools.pairwise([first, *cuts, stop]):
            found += [visit for visit in shown if visit.after + 1 == a]
            found.append(segment.part(a - first, b - first) if cuts else segment)
        first = stop
    return [*found, *(visit for visit in shown if visit.after + 1 == first)]


class Sight:
    """What can be seen of the values of a graph."""

    def __init__(self, graph: Graph, blueprint: Blueprint) -> None:
        self._inputs = {variable: i for i, variable in enumerate(graph.inputs)}
        self._constants = graph.constants
        self._seen = {graph.equations[s.equation].output: s for s in blueprint.values}
        self._end = len(blueprint.regions) if blueprint.guard < 0 else blueprint.guard

    def lives(self) -> dict[Variable, Life]:
        """From which region to which each value is there, up to the first that writes over an
        input: who looks on may end a run before that, and nothing has happened."""
        last = self._end - 1
        found = dict.fromkeys([*self._inputs, *self._constants], (-1, last))
        return found | {v: (s.first, min(s.last, last)) for v, s in self._seen.items()}

    def held(
        self, arena: np.ndarray, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray],
        variable: Variable,
    ) -> np.ndarray:  # fmt: skip
        """The array of a value, as the graph has it.

        Args: arena, inputs, outputs: of the run.
        """
        if variable in self._inputs:
            return inputs[self._inputs[variable]]
        if variable in self._constants:
            return self._constants[variable]
        seen = self._seen[variable]
        if seen.home == "output":
            return outputs[seen.number].reshape(variable.shape)
        size = math.prod(seen.shape) * variable.dtype.itemsize
        flat = arena[seen.number : seen.number + size].view(variable.dtype)
        order = seen.order or range(len(seen.shape))
        moved = flat.reshape([seen.shape[axis] for axis in order])
        return moved.transpose(np.argsort(order)).reshape(variable.shape)
