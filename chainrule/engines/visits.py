"""Seeing values of a graph while its program runs.

A program computes as ever: it stops between two of its steps, a visitor is shown a value, and
it goes on. What a program has in memory is shown as it lies there, for as long as it does. What
it computes only where it is read (the sum of a product and a bias, a view) is computed for the
visitor from what is in memory, where that takes little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.indexing import Index
from chainrule.ops.movement import Movement
from chainrule.ops.normalization import Standardize

#: is told that a value can be had now, from a function that may be called until it returns
Visitor = Callable[[Variable, Callable[[], np.ndarray]], None]
#: the step of a program that makes a value, -1 if it is there before, and the last step after
#: which it is still in memory
Life = tuple[int, int]
CHEAP = (Elementwise, Movement, Standardize, Index)
MOST_EQUATIONS = 8  # one behind the other, that are computed for a visitor


@dataclass(frozen=True)
class Visit:
    """One value to be seen.

    Args:
        after: the step of the program after which it can be.
        equations: what is computed for it, from what is in memory then.
    """

    variable: Variable
    after: int
    equations: tuple[Equation, ...]

    def value(self, held: Callable[[Variable], np.ndarray]) -> np.ndarray:
        """The array, not to be written; `held` gives what is in memory."""
        made: dict[Variable, np.ndarray] = {}
        with np.errstate(all="ignore"):
            for equation in self.equations:
                inputs = tuple([made[v] if v in made else held(v) for v in equation.inputs])
                made[equation.output] = equation.primitive.evaluate(inputs, equation.params)
        found = made[self.variable] if self.equations else held(self.variable)
        shown = found.view()
        shown.flags.writeable = False
        return shown


def visits(
    graph: Graph, wanted: Iterable[Variable], lives: Mapping[Variable, Life]
) -> list[Visit]:
    """Those of the wanted values that can be seen, in the order in which that is possible."""
    makers = {equation.output: equation for equation in graph.equations}
    found = []
    for variable in dict.fromkeys(wanted):
        equations: dict[Variable, Equation] = {}
        life = _life(variable, makers, lives, equations, MOST_EQUATIONS)
        if life is not None:
            found.append(Visit(variable, life[0], tuple(equations.values())))
    return sorted(found, key=lambda visit: visit.after)


def _life(
    variable: Variable,
    makers: Mapping[Variable, Equation],
    lives: Mapping[Variable, Life],
    equations: dict[Variable, Equation],
    depth: int,
) -> Life | None:
    """When a value is there, or all that it is computed from; `equations` get what must be
    computed."""
    if variable in lives:
        return lives[variable] if lives[variable][0] <= lives[variable][1] else None
    equation = makers.get(variable)
    if equation is None or not depth or not issubclass(equation.primitive, CHEAP):
        return None
    found = [_life(v, makers, lives, equations, depth - 1) for v in equation.inputs]
    known = [life for life in found if life is not None]
    if not known or len(known) < len(found):
        return None
    begins, ends = max(life[0] for life in known), min(life[1] for life in known)
    if begins > ends:
        return None
    equations[variable] = equation
    return begins, ends


class Watched:
    """A program that shows some of its values while it runs; it computes as without.

    Args:
        run: runs the program on inputs, and calls a visitor with what is to be seen.

    Notes: `seen` are the values that are shown, to whoever is the `visitor` then. What it
        raises ends the run, before anything was written over.
    """

    def __init__(
        self,
        visits: Sequence[Visit],
        run: Callable[[Sequence[np.ndarray], Visitor], list[np.ndarray]],
    ) -> None:
        self.seen = {visit.variable for visit in visits}
        self.visitor: Visitor = nobody
        self._run = run

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the graph for these inputs."""
        return self._run(inputs, self.visitor)


def nobody(variable: Variable, value: Callable[[], np.ndarray]) -> None:
    """Sees nothing."""
