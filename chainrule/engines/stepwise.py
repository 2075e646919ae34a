"""A graph run equation by equation, with a look at every value."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.engines.measurement import Measurement, Row
from chainrule.ir.graph import Equation, Graph, Variable


@dataclass(frozen=True)
class Step:
    """One equation that was computed."""

    equation: Equation
    inputs: tuple[np.ndarray, ...]
    output: np.ndarray
    seconds: float


def steps(graph: Graph, inputs: Sequence[np.ndarray]) -> Iterator[Step]:
    """Each equation in its turn, computed with NumPy."""
    values: dict[Variable, np.ndarray] = dict(zip(graph.inputs, inputs, strict=True))
    values |= graph.constants
    for equation, dead in zip(graph.equations, graph.last_uses(), strict=True):
        arrays = tuple([values[v] for v in equation.inputs])
        start = time.perf_counter()
        output = equation.primitive.evaluate(arrays, equation.params)
        seconds = time.perf_counter() - start
        values[equation.output] = output
        yield Step(equation, arrays, output, seconds)
        for variable in dead:
            del values[variable]


def measured(graph: Graph, inputs: Sequence[np.ndarray], repeat: int) -> Measurement:
    """Seconds of each equation on the reference engine."""
    runs = []
    for _ in range(repeat):
        start = time.perf_counter()
        found = [(s.seconds, sum(x.nbytes for x in s.inputs), s.output.nbytes)
                 for s in steps(graph, inputs)]  # fmt: skip
        runs.append((time.perf_counter() - start, found))
    total = statistics.median(whole for whole, _ in runs)
    rows = []
    for place, equation in enumerate(graph.equations):
        seconds = statistics.median(found[place][0] for _, found in runs)
        _, read, written = runs[0][1][place]
        module, _, line = equation.source.partition("at ")
        name = equation.primitive.__name__
        rows.append(Row(str(place), "equation", name, module.strip(), line, 1, seconds, 0,
                        read, written))  # fmt: skip
    outside = max(0.0, total - sum(row.seconds for row in rows))
    return Measurement(rows, total, outside, repeat, 1)
