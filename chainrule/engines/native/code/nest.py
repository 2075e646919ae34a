"""Groups of values computed in one run of loops: maps, reductions, and rows of both.

    for each row o (split into chunks among the threads):
        for i: total += x[o, i]                    # phase 0: a reduction
        mean = total / n                           # once a row
        for i: y[o, i] = x[o, i] - mean            # phase 1: a map

All units of a nest go over the same space, or over its outer axes only. The inner axes are the
ones that its reductions sum over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chainrule.engines.native.emitter.affine import Affine, SplitNeeded, Var, flat
from chainrule.engines.native.graph.expression import SPECIAL, Read, Reads
from chainrule.engines.native.graph.inlining import is_reduction
from chainrule.engines.native.graph.nodes import PRODUCT, Node, Shape
from chainrule.engines.native.graph.views import CHECKS


@dataclass(slots=True, eq=False)
class Unit:
    """One stored node and the loops that it needs."""

    node: Node
    space: Shape  # sizes other than 1: of the node, or of what it reduces
    reduced: tuple[int, ...]  # which of them are summed over

    @property
    def is_reduction(self) -> bool:
        return is_reduction(self.node)


def unit_of(node: Node) -> Unit:
    """The loops that a stored node needs."""
    if not is_reduction(node):
        return Unit(node, tuple([n for n in node.shape if n != 1]), ())
    (x,) = node.inputs
    kept = [i for i, n in enumerate(x.shape) if n != 1]
    axes = node.params["axes"]
    reduced = tuple([place for place, i in enumerate(kept) if i in axes])
    return Unit(node, tuple([x.shape[i] for i in kept]), reduced)


@dataclass(slots=True, eq=False)
class Nest:
    """Units computed together."""

    space: Shape
    inner: tuple[int, ...] = ()  # axes of the space
    units: list[Unit] = field(default_factory=list)
    axes: list[list[Var]] = field(default_factory=list)  # the loops that make up each axis
    _reads: dict[tuple, list[Read]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole()

    def whole(self) -> None:
        """One loop for each axis."""
        if any(len(variables) != 1 for variables in self.axes) or not self.axes:
            self.axes = [[Var(f"i{k}", n)] for k, n in enumerate(self.space)]
            self._reads.clear()

    @property
    def outer(self) -> tuple[int, ...]:
        return tuple([k for k in range(len(self.space)) if k not in self.inner])

    def is_outer(self, unit: Unit) -> bool:
        """Whether a unit has one value for each row."""
        return not unit.is_reduction and unit.space != self.space

    def forms(self) -> list[Affine]:
        """The index along each axis."""
        result = []
        for variables in self.axes:
            form = Affine()
            for var in variables:
                form = form * var.size + Affine.of(var)
            result.append(form)
        return result

    def split(self, var: Var, inner: int) -> tuple[Var, Var]:
        """Make two loops of one."""
        for variables in self.axes:
            if var in variables:
                at = variables.index(var)
                halves = Var(var.name, var.size // inner), Var(var.name + "_", inner)
                variables[at : at + 1] = halves
                self._reads.clear()
                return halves
        raise KeyError(var)

    def join(self, steps: Iterable[dict[Var, int]]) -> bool:
        """Make one loop of neighbouring axes that lie one behind the other in every access; the
        inner one then carries both, the outer one stays zero.

        Args: steps: how far each access moves with each variable.
        """
        steps, found = list(steps), False
        for k in range(len(self.axes) - 1):
            a, b = self.axes[k : k + 2]
            if len(a) != 1 or len(b) != 1 or (k in self.inner) != (k + 1 in self.inner):
                continue
            ((outer,), (inner,)) = a, b
            if any(t.get(outer, 0) != inner.size * t.get(inner, 0) for t in steps):
                continue
            both = Var(inner.name, outer.size * inner.size)
            for t in steps:
                t[both] = t.get(inner, 0)
            self.axes[k], self.axes[k + 1], found = [], [both], True
        self._reads.clear()
        return found

    def take(self, axes: list[list[Var]]) -> None:
        """Other loops for the axes."""
        if axes != self.axes:
            self.axes = axes
            self._reads.clear()

    def is_plain(self, stored: set[int]) -> bool:
        """Whether the loops say only where elements lie, not what becomes of them."""
        stack, seen = [unit.node for unit in self.units], set()
        while stack:
            node = stack.pop()
            if node.op in SPECIAL and node.op not in CHECKS:
                return False
            for x in node.inputs if node.op is not PRODUCT else ():
                if id(x) not in stored and id(x) not in seen:
                    seen.add(id(x))
                    stack.append(x)
        return True

    def index(self, shape: Shape, unit: Unit) -> tuple[Affine, ...]:
        """The index of an element of this shape, where the unit's loops stand."""
        forms = self.forms()
        if self.is_outer(unit):
            forms = [forms[k] for k in self.outer]
        rest = iter(forms)
        return tuple([Affine() if n == 1 else next(rest) for n in shape])

    def reads_of(self, unit: Unit, stored: set[int]) -> list[Read]:
        """What a unit reads from memory, in terms of the loops."""
        key = (id(unit.node), self.inner, len(stored))
        while key not in self._reads:
            reads = Reads(lambda node: id(node) in stored)
            if unit.node.op is PRODUCT:  # its parts are there already
                return self._reads.setdefault(key, [])
            try:
                if unit.is_reduction:
                    x = unit.node.inputs[0]
                    reads.value(x, self.index(x.shape, unit))
                else:
                    reads.compute(unit.node, self.index(unit.node.shape, unit))
                self._reads[key] = reads.found
            except SplitNeeded as split:
                self.split(split.var, split.inner)
        return self._reads[key]

    def position(self, unit: Unit) -> Affine:
        """Where the unit's result lies, row-major, in terms of the loops."""
        if not unit.is_reduction:
            return flat(self.index(unit.node.shape, unit), unit.node.shape)
        forms = self.forms()
        kept = iter([forms[k] for k in self.outer])
        index = [Affine() if n == 1 else next(kept) for n in unit.node.shape]
        return flat(index, unit.node.shape)

    def phases(self, stored: set[int]) -> dict[int, int]:
        """For each unit, by id of its node, in which of the inner loops, which follow each
        other, it is computed; a unit of the outer axes is computed before that loop."""
        phase: dict[int, int] = {}
        ready: dict[int, int] = {}  # the first phase in which the result can be read
        for unit in self.units:
            reads = self.reads_of(unit, stored)
            phase[id(unit.node)] = max([ready.get(id(r.node), 0) for r in reads], default=0)
            ready[id(unit.node)] = phase[id(unit.node)] + unit.is_reduction
        return phase
