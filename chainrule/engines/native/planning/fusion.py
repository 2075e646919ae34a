"""Fusion: which stored nodes are computed together, in one kernel.

Units are taken in the order of the graph. Each joins the latest kernel that it can join, which
lies after all that it reads; else it begins a kernel of its own. Joining needs:

    the same space, or one value for each of its rows;
    what it reads of the kernel itself, it reads at the very element (or row) at hand;
    something in common: a value that both read, or that one makes and the other reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chainrule.engines.native.code.nest import Nest, Unit, unit_of
from chainrule.engines.native.emitter.affine import Undecided
from chainrule.engines.native.graph.inlining import is_inlined, is_reduction
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, LOOP, PRODUCT, Node
from chainrule.engines.native.kernels.own_kernels import has_own_kernel, operands
from chainrule.engines.native.planning.storing import piece

#: kinds of kernels beside PRODUCT and LOOP: a run of loops, an operation with a kernel of its
#: own (kernels/own_kernels.py), and one that NumPy computes
NEST, OWN, CALL = "nest", "own", "call"
MOST_UNITS = 24  # in one nest; a kernel has only so many registers for addresses


@dataclass(slots=True, eq=False)
class Kernel:
    """Nodes that one function computes."""

    kind: str  # NEST, PRODUCT, OWN, LOOP or CALL
    nodes: list[Node]
    nest: Nest | None = None  # of a product: its epilogue
    reads: dict[int, Node] = field(default_factory=dict)  # stored nodes, by id
    place: int = 0  # in the order of kernels
    apart: str = ""  # why it did not join the kernel nearest to what it reads


def fuse(order: list[Node], stored: set[int], results: set[int]) -> list[Kernel]:
    """The kernels in an order in which they can run.

    Args: results: the ids of the nodes that have memory of their own in any case.
    """
    return _Fusion(stored, results).run(order)


class _Fusion:
    """The kernels made so far."""

    def __init__(self, stored: set[int], results: set[int]) -> None:
        self.stored, self.results = stored, results
        self.kernels: list[Kernel] = []
        self.maker: dict[int, Kernel] = {}  # by id of a node

    def run(self, order: list[Node]) -> list[Kernel]:
        for node in numbers_first(order):
            if id(node) not in self.stored or node.op in (INPUT, CONSTANT):
                continue
            if node.op is PRODUCT or not (is_inlined(node) or is_reduction(node)):
                self._alone(node)
            elif id(node) not in self.results and (found := piece(node)) is not None:
                self._join(node, self.maker[id(found[0])])
            else:
                self._unit(unit_of(node))
        return self.kernels

    def _alone(self, node: Node) -> None:
        kind = OWN if has_own_kernel(node) else CALL
        kernel = Kernel(node.op if node.op in (PRODUCT, LOOP) else kind, [node])
        for x in operands(node):
            source = self._source(x)
            kernel.reads[id(source)] = source
        if node.op is PRODUCT:
            kernel.nest = Nest(tuple([n for n in node.shape if n != 1]))
        self._append(kernel, node)

    def _source(self, node: Node) -> Node:
        while id(node) not in self.stored:
            node = node.inputs[0]
        return node

    def _append(self, kernel: Kernel, node: Node) -> None:
        kernel.place = len(self.kernels)
        self.kernels.append(kernel)
        self.maker[id(node)] = kernel

    def _join(self, node: Node, kernel: Kernel) -> None:
        """A piece of a loop's results is there as soon as the loop is over."""
        kernel.nodes.append(node)
        self.maker[id(node)] = kernel

    def _unit(self, unit: Unit) -> None:
        """Into the latest kernel that takes it, or into one of its own."""
        own = Nest(unit.space, unit.reduced, [unit])
        reads = {id(r.node): r.node for r in own.reads_of(unit, self.stored)}
        first = max([self.maker[i].place for i in reads if i in self.maker], default=0)
        refusal = ""
        for kernel in reversed(self.kernels[first:]):
            refusal = self._put(unit, kernel, reads)
            if not refusal:
                kernel.nodes.append(unit.node)
                kernel.reads |= {i: n for i, n in reads.items()
                                 if self.maker.get(i) is not kernel}  # fmt: skip
                self.maker[id(unit.node)] = kernel
                return
        apart = f"kernel {first}: {refusal}" if refusal else ""
        self._append(Kernel(NEST, [unit.node], own, reads, apart=apart), unit.node)

    def _put(self, unit: Unit, kernel: Kernel, reads: dict[int, Node]) -> str:
        """Put the unit into the kernel's nest; where that cannot be, why."""
        nest = kernel.nest
        if nest is None:
            return "no loops to join"
        if len(nest.units) >= MOST_UNITS and nest.space:
            return "full"
        if not self._has_common(kernel, reads, unit):
            return "nothing in common"
        if kernel.kind == PRODUCT and (unit.reduced or unit.space != nest.space):
            return "other loops"
        former = nest.inner
        if not _fits(unit, nest, kernel.kind == PRODUCT):
            return "other loops"
        nest.units.append(unit)
        aligned = self._is_aligned(unit, nest, kernel)
        if aligned and (kernel.kind != PRODUCT or self._is_plain(unit, nest)):
            return ""
        nest.units.pop()
        nest.inner = former
        return "needs loops cut in two" if aligned else "reads its results at other places"

    def _is_plain(self, unit: Unit, nest: Nest) -> bool:
        """Whether all positions follow from the loops of a product as they are."""
        reads = nest.reads_of(unit, self.stored)
        plain = all(len(variables) == 1 for variables in nest.axes)
        nest.whole()
        return plain and all(v.is_loop for read in reads for v in read.position.terms)

    def _has_common(self, kernel: Kernel, reads: dict[int, Node], unit: Unit) -> bool:
        if any(self.maker.get(i) is kernel for i in reads):
            return True
        if kernel.kind == PRODUCT:
            return False
        if unit.space == () == kernel.nest.space:  # type: ignore[union-attr]
            return True
        return any(i in kernel.reads and reads[i].size > 1 for i in reads)

    def _is_aligned(self, unit: Unit, nest: Nest, kernel: Kernel) -> bool:
        """Whether the unit reads the nest's own results only where they were just made."""
        own = {id(u.node): u for u in nest.units if u is not unit}
        try:
            for read in nest.reads_of(unit, self.stored):
                source = read.node
                if self.maker.get(id(source)) is not kernel:
                    continue
                made = own.get(id(source))
                position = (
                    nest.position(made) if made is not None
                    else nest.position(Unit(source, nest.space, ()))
                )  # fmt: skip
                if read.where or read.position != position:
                    return False
        except Undecided:
            return False
        return True


def numbers_first(order: list[Node]) -> list[Node]:
    """The nodes with those in front that are made of single numbers only, such as an
    optimizer's step size: whoever reads them need not wait."""
    single: set[int] = set()
    for node in order:
        if node.shape == () and all(id(x) in single for x in node.inputs):
            single.add(id(node))
    return sorted(order, key=lambda node: id(node) not in single)


def _fits(unit: Unit, nest: Nest, is_product: bool) -> bool:
    """Whether the unit's loops are those of the nest; the nest may get inner axes for it."""
    if unit.space == nest.space:
        if not unit.is_reduction or unit.reduced == nest.inner:
            return True
        if not nest.inner and not any(u.is_reduction for u in nest.units):
            nest.inner = unit.reduced
            return True
        return False
    rows = tuple([nest.space[k] for k in nest.outer])
    return bool(nest.inner) and not unit.is_reduction and unit.space == rows


def dependencies(kernels: Iterable[Kernel]) -> dict[int, set[int]]:
    """For each kernel, by place, the places of the kernels whose results it reads."""
    maker = {id(node): kernel.place for kernel in kernels for node in kernel.nodes}
    return {
        kernel.place: {maker[i] for i in kernel.reads if i in maker} - {kernel.place}
        for kernel in kernels
    }
