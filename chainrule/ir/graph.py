"""The intermediate representation: a flat list of equations over variables.

Each variable is defined once, as an input, a constant or the output of an equation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.ops.primitive import Primitive


class Variable:
    """A value without numbers: a shape and an element type."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype


@dataclass(slots=True, eq=False)
class Equation:
    """output = primitive(inputs; params)"""

    primitive: type[Primitive]
    inputs: tuple[Variable, ...]
    params: dict[str, Any]
    output: Variable
    source: str = ""  # the module and the user's line that asked for it

    def bodies(self) -> Iterator[Graph]:
        """The graphs among the parameters: what a loop repeats."""
        return (value for value in self.params.values() if isinstance(value, Graph))

    def with_bodies(self, transform: Callable[[Graph], Graph]) -> Equation:
        """The equation with its bodies transformed."""
        if not any(self.bodies()):
            return self
        params = {
            name: transform(value) if isinstance(value, Graph) else value
            for name, value in self.params.items()
        }
        return replace(self, params=params)


@dataclass(slots=True, eq=False, repr=False)
class Graph:
    """A function of `inputs`: the equations in the order in which they run."""

    inputs: list[Variable] = field(default_factory=list)
    constants: dict[Variable, np.ndarray] = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    outputs: list[Variable] = field(default_factory=list)

    def variables(self) -> Iterator[Variable]:
        """Every variable, in the order of definition."""
        yield from self.inputs
        yield from self.constants
        for equation in self.equations:
            yield equation.output

    def last_uses(self) -> list[list[Variable]]:
        """For each equation the variables that nobody reads after it."""
        seen = set(self.outputs)
        dead: list[list[Variable]] = []
        for equation in reversed(self.equations):
            ends = {v for v in (*equation.inputs, equation.output) if v not in seen}
            seen |= ends
            dead.append(list(ends))
        return dead[::-1]

    def __repr__(self) -> str:
        """A text that graphs share only if they compute the same, bit for bit."""
        names = {variable: i for i, variable in enumerate(self.variables())}
        kinds = [(v.shape, v.dtype) for v in self.inputs]
        constants = [
            (c.shape, c.dtype, c.strides, c.tobytes()) for c in self.constants.values()
        ]
        steps = [
            (e.primitive.__name__, [names[v] for v in e.inputs], e.params)
            for e in self.equations
        ]
        return f"Graph{(kinds, constants, steps, [names[v] for v in self.outputs])}"
