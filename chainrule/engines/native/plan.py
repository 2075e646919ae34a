"""From a graph to functions, memory and the order in which the functions run.

nodes         the graph with users                                     nodes.py
rewrites      composite operations in terms of simple ones             rewrites/
stored        which values are put into memory                         storing.py
kernels       which values are computed together                       grouping.py
layouts       in which order their axes lie                            layouts.py
regions       kernels that need not wait for each other                here
code          the text of each kernel                                  writing.py
arena         where the values between kernels lie                     memory_plan.py
check         is every value there when it is read                     verifier.py
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable

from chainrule.engines.native.compilation import Compilation
from chainrule.engines.native.emission import Place
from chainrule.engines.native.expression import NeedsMemory
from chainrule.engines.native.grouping import Kernel, dependencies, group
from chainrule.engines.native.in_place import in_registers, taken_over
from chainrule.engines.native.layouts import Order, layouts, strides_of
from chainrule.engines.native.memory_plan import Buffer
from chainrule.engines.native.nest import settle
from chainrule.engines.native.nodes import (
    CONSTANT,
    INPUT,
    LOOP,
    Builder,
    Node,
    imported,
    ordered,
)
from chainrule.engines.native.rewrites.gathers import GATHERS
from chainrule.engines.native.rewrites.loops import LOOPS
from chainrule.engines.native.rewrites.passes import BODY_PASSES
from chainrule.engines.native.rewrites.rewriting import rewritten
from chainrule.engines.native.storing import decide, piece
from chainrule.engines.native.target import Target
from chainrule.engines.native.verifier import verify
from chainrule.engines.native.writing import Writing
from chainrule.ir.graph import Graph
from chainrule.ops.conversion import Copy
from chainrule.ops.movement import Reshape

PASSES = (("loops", LOOPS), ("gathers", GATHERS), *BODY_PASSES)


class Plan(Writing):
    """Everything that is decided about a graph before it runs."""

    def __init__(
        self, graph: Graph, target: Target, donations: dict[int, int],
        compilation: Compilation | None = None,
    ) -> None:  # fmt: skip
        """
        donations: output → the input whose memory it may take.
        compilation: gets each function as soon as it is written.
        """
        self.target, self.compilation = target, compilation
        self.lanes = target.vector_bytes // 4
        self.fused = target.fused
        self.seconds: dict[str, float] = {}
        self._clock = time.perf_counter()
        self.status = Buffer("status", 8)
        self.fixed: set[int] = set()  # of a loop's body: what is the same in all turns
        self.inputs, self.outputs = imported(graph)
        self._rewrite()

        def bind(plan: Plan) -> dict[int, int]:
            plan._bind()
            return donations

        self.decide(bind)
        verify(self)
        self.lap("verify")

    def inner(self, inputs: list[Node], outputs: list[Node], fixed: Iterable[Node]) -> Plan:
        """A plan of other nodes for the same processor: of the body of a loop."""
        plan = copy.copy(self)
        plan.inputs, plan.outputs, plan.seconds = inputs, outputs, {}
        plan.fixed = {id(node) for node in fixed}
        return plan

    def decide(self, bind: Callable[[Plan], dict[int, int]]) -> None:
        """Everything about the nodes, once they are rewritten.

        Args: bind: gives the inputs and outputs their buffers, and says which output may be
            written over which input.
        """
        self._store()
        self.row_major: set[int] = set()  # read through a reshape: the order must be plain
        self._forget()
        while True:
            self._group()
            self.buffers: dict[int, Buffer] = {}
            self._place(bind(self))
            try:
                self._write()
                break
            except NeedsMemory as missing:
                self._keep_plain(missing.node)
        self._forget()

    def _keep_plain(self, node: Node) -> None:
        """Store a node, if it is not, and in row-major order, if it is."""
        if id(node) not in self.stored:
            self.stored.put(node, "no index of its own where it is read reshaped")
        elif id(node) in self.orders:
            self.row_major.add(id(node))
        else:
            raise NeedsMemory(node)

    def as_plan(self) -> Plan:
        return self

    def lap(self, name: str) -> None:
        """What was done since the last lap has this name."""
        now = time.perf_counter()
        self.seconds[name] = now - self._clock
        self._clock = now

    # -- what is computed where ------------------------------------------------------------

    def _rewrite(self) -> None:
        for name, rules in PASSES:
            self.outputs = rewritten(self.outputs, rules)
            self.lap(name)

    def _store(self) -> None:
        self.roots = self._roots()
        self.order = ordered(self.roots)
        self.stored = decide(self.order, self.roots)
        settle(self.order, self.stored)
        self.lap("store")

    def _roots(self) -> list[Node]:
        """The nodes whose memory becomes the outputs: each computed, and each another."""
        taken: set[int] = set()
        roots = []
        for output in self.outputs:
            root = output
            while root.op is Reshape:
                root = root.inputs[0]
            if root.op in (INPUT, CONSTANT) or id(root) in taken:
                root = Builder(output.source, output.equation)(Copy, root)
            taken.add(id(root))
            roots.append(root)
        return roots

    def _group(self) -> None:
        self.kernels = group(self.order, self.stored, {id(root) for root in self.roots})
        self.lap("group")
        self.orders: dict[int, Order] = layouts(self.kernels, self.roots)
        for plain in self.row_major:
            self.orders.pop(plain, None)
        self.lap("layouts")
        self.needs = dependencies(self.kernels)
        self.region_of: dict[int, int] = {}
        regions: list[list[Kernel]] = []
        for kernel in self.kernels:
            together = regions[-1] if regions else []
            places = {k.place for k in together}
            if (
                not together
                or {kernel.kind, together[-1].kind} & {"call", LOOP}
                or (self.needs[kernel.place] & places)
            ):
                regions.append([])
            if kernel.kind == LOOP:  # each turn takes a piece of what it reads
                for node in (*kernel.reads.values(), *kernel.nodes):
                    self.orders.pop(id(node), None)
            regions[-1].append(kernel)
            self.region_of[kernel.place] = len(regions) - 1
        self.groups = regions
        self.lap("regions")

    # -- memory ----------------------------------------------------------------------------

    def _bind(self) -> None:
        for node in self.inputs:
            self.buffers[id(node)] = Buffer("input", node.bytes, node.params["position"])
        for node in self.order:
            if node.op is CONSTANT:
                self.buffers[id(node)] = Buffer("constant", node.bytes, node.number)
        for number, root in enumerate(self.roots):
            self.buffers[id(root)] = Buffer("output", root.bytes, number)

    def _place(self, donations: dict[int, int]) -> None:
        self.taken, self.kept = taken_over(self, donations)
        for output, source in self.taken.items():
            self.buffers[id(self.roots[output])] = self.buffers[id(self.inputs[source])]
        self.local = in_registers(self)
        for kernel in self.kernels:
            region = self.region_of[kernel.place]
            for node in kernel.nodes:
                if id(node) in self.local:
                    continue
                buffer = self.buffers.get(id(node))
                if buffer is None:
                    buffer = self.buffers[id(node)] = self._memory_of(node)
                buffer.used_in(region)
            for node in kernel.reads.values():
                if id(node) not in self.local:
                    self.buffers[id(node)].used_in(region)
                    if (found := piece(node)) is not None:
                        self.buffers[id(found[0])].used_in(region)
        self.lap("memory")

    def _memory_of(self, node: Node) -> Buffer:
        if (found := piece(node)) is None:
            return Buffer("arena", node.bytes, label=repr(node))
        loop, first = found
        start = first * node.dtype.itemsize
        return Buffer("part", node.bytes, offset=start, base=self.buffers[id(loop)])

    def place_of(self, node: Node, names: dict[Buffer, str]) -> Place:
        """Where a node lies, for a kernel in which buffers have these names."""
        order = self.orders.get(id(node))
        row_major = order is None
        strides = strides_of(node, order or tuple(range(len(node.shape))))
        buffer = self.buffers.get(id(node))
        name = "none" if buffer is None else names.setdefault(buffer, f"p{len(names)}")
        return Place(name, strides, row_major)
