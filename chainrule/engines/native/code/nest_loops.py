"""How the loops of a nest run: in which order, with lanes along which, in how many chunks."""

from __future__ import annotations

import math

from chainrule.engines.native.code.nest import Nest
from chainrule.engines.native.code.places import Places
from chainrule.engines.native.emitter.affine import Affine, Undecided, Var
from chainrule.engines.native.graph.expression import Read
from chainrule.engines.native.graph.inlining import own_cost
from chainrule.engines.native.graph.nodes import Node

CHUNK = 1 << 16  # the work of one chunk, about, in additions of one element
MOST_CHUNKS = 64
TASKS = 8  # rows or blocks of columns, at least, that threads can share
SLOTS = 12  # accumulators, at most
WIDEST = 6  # vectors side by side

Strides = list[tuple[dict[Var, int], int]]  # of each access, and how much it weighs


class NestLoops:
    """The loops of a nest, in their order.

    What is found:

        phase_of       by id of a node: in which of the inner loops it is made
        outer, inner   loops around the phases, and those of each phase, the outermost first
        vector         the variable along which the lanes run; None: one element at a time
        abreast        how many vectors are computed side by side
        chunks         into how many pieces the work is cut, either of the `rows` of the loops
                       `lead`, which are taken together, or of the vectors (`cut_lanes`)
    """

    def __init__(self, nest: Nest, places: Places, lanes: int, widest: int = WIDEST) -> None:
        self.nest, self.places, self.lanes = nest, places, lanes
        self.widest = widest  # vectors side by side, at most
        self.phase_of = nest.phases(places.stored)  # this may cut axes in two
        self.outer = [var for k in nest.outer for var in nest.axes[k] if var.size != 1]
        self.inner = [var for k in nest.inner for var in nest.axes[k] if var.size != 1]
        self.vector: Var | None = None
        self.abreast = 1
        self._order(strides_of_accesses(nest, places))
        self._widen()
        self._cut_into_chunks()

    # -- order -----------------------------------------------------------------------------

    def _order(self, strides: Strides) -> None:
        """Far strides are for the outer loops, the lanes for the innermost."""
        outer, inner = self.outer, self.inner
        for var in (*outer, *inner):
            var.vector, var.value = False, None
        if self.lanes > 1:
            self.vector = _lane_variable((*outer, *inner), strides)
        distance = self._distances(strides)
        outer.sort(key=distance.__getitem__, reverse=True)
        inner.sort(key=distance.__getitem__, reverse=True)
        vector = self.vector
        if vector is None:
            return
        vector.vector = True
        group = outer if vector in outer else inner
        group.remove(vector)
        if not self.nest.inner:  # a map: its last loop is the inner one
            group = inner
        group.append(vector)

    def _distances(self, strides: Strides) -> dict[Var, tuple]:
        """The median of the strides of each variable; among equals the first is farther."""
        variables = [v for k in range(len(self.nest.space)) for v in self.nest.axes[k]]
        result = {}
        for place, var in enumerate(variables):
            steps = [abs(terms[var]) for terms, _ in strides if var in terms]
            result[var] = (sorted(steps)[len(steps) // 2] if steps else 0, -place)
        return result

    def _widen(self) -> None:
        """Sums of columns: several vectors side by side, so that whole lines of memory are read
        and no addition waits for the last one."""
        vector, outer = self.vector, self.outer
        if vector is None or vector not in outer or not self.nest.inner:
            return
        count = -(-vector.size // self.lanes)
        sums = sum(unit.is_reduction for unit in self.nest.units)
        rows = math.prod(var.size for var in outer if var is not vector)
        fitting = [n for n in (count, 4, 3, 2)
                   if n * sums <= SLOTS and n <= self.widest and count // n * rows >= TASKS
                   and (n == count or vector.size % (n * self.lanes) == 0)]  # fmt: skip
        self.abreast = max(fitting, default=1)
        if self.abreast == count > 1:
            outer.remove(vector)
        elif self.abreast > 1:
            around, within = self.nest.split(vector, self.abreast * self.lanes)
            outer[outer.index(vector)] = around
            self.vector, within.vector = within, True

    # -- chunks ----------------------------------------------------------------------------

    def _cut_into_chunks(self) -> None:
        """The outermost loops are taken together and cut into chunks; where there are none,
        the vectors of the only loop."""
        wanted = max(1, min(MOST_CHUNKS, self._work() // CHUNK))
        self.lead: list[Var] = []
        self.rows = 1
        for var in self.outer:
            if self.rows >= wanted or var is self.vector:
                break
            self.lead.append(var)
            self.rows *= var.size
        self.cut_lanes = False
        if self.lead and self.rows > 1:
            self.chunks = min(wanted, self.rows)
            return
        self.lead = []
        loop = self.outer[0] if self.outer else None
        if loop is None and not self.nest.inner and self.inner:
            loop = self.inner[0]
        self.cut_lanes = loop is not None and loop is self.vector
        blocks = -(-loop.size // self.lanes) if self.cut_lanes and loop else 1
        self.chunks = min(wanted, blocks)

    def _work(self) -> int:
        """Of the whole nest, in additions."""
        price = sum(3 + self._price(u.node, set()) for u in self.nest.units)
        return math.prod(self.nest.space) * max(2, price)

    def _price(self, node: Node, seen: set[int]) -> int:
        total = own_cost(node)
        for x in node.inputs:
            if not self.places.is_stored(x) and id(x) not in seen:
                seen.add(id(x))
                total += self._price(x, seen)
        return total


def strides_of_accesses(nest: Nest, places: Places) -> Strides:
    """How far each access moves with each variable, and how much it weighs.

    Raises: SplitNeeded where a loop has to be cut in two to tell.
    """
    found = []
    for unit in nest.units:
        reads = nest.reads_of(unit, places.stored)
        for read in (*reads, Read(unit.node, nest.position(unit), ())):
            terms = _in_memory(places, read).terms
            found.append((terms, max(1, len(terms))))
    return found


def _in_memory(places: Places, read: Read) -> Affine:
    """Where an element lies, with the strides that its node has in memory."""
    node, place = read.node, places.of(read.node)
    if place.row_major:
        return read.position
    if read.at is not None:
        return place.at(read.at)
    form, rest = Affine(), read.position
    for n, stride in zip(reversed(node.shape), reversed(place.strides), strict=True):
        try:
            rest, at = (rest, Affine()) if n < 2 else rest.divided(n)
        except Undecided:  # a quotient that is taken by code: its order does not matter
            return form
        form = form + at * stride
    return form


def _lane_variable(variables: tuple[Var, ...], strides: Strides) -> Var | None:
    """The variable along which most accesses are contiguous; among equals the last."""
    best, most = None, 0.0
    for var in variables:
        score = 0.5 * min(var.size, 64) / 64 + sum(
            weight if terms.get(var) in (1, -1) else -weight if var in terms else 0
            for terms, weight in strides
        )
        if best is None or score >= most:
            best, most = var, score
    return best
