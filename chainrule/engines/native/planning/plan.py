"""From a graph to functions, memory and the order in which the functions run.

nodes         the graph with users                                     graph/nodes.py
rewrites      composite operations in terms of simple ones             rewrites/
stored        which values are put into memory                         storing.py
kernels       which values are computed together                       fusion.py
layouts       in which order their axes lie                            layouts.py
groups        kernels that need not wait for each other                regions.py
in place      which values stay in registers, or take over an input's  in_place.py
code          the function of each kernel, and its arguments           writer.py
arena         where the values between kernels lie                     memory_plan.py
check         is every value there when it is read                     verifier.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.code.compilation import Compilation
from chainrule.engines.native.code.functions import Functions
from chainrule.engines.native.code.places import Places
from chainrule.engines.native.graph.expression import NeedsMemory
from chainrule.engines.native.graph.nodes import (
    CONSTANT,
    INPUT,
    Builder,
    Node,
    imported,
    ordered,
)
from chainrule.engines.native.planning.fusion import fuse
from chainrule.engines.native.planning.in_place import in_registers, taken_over
from chainrule.engines.native.planning.layouts import layouts
from chainrule.engines.native.planning.memory_plan import arrange
from chainrule.engines.native.planning.regions import concurrent
from chainrule.engines.native.planning.storing import decide, piece, settle
from chainrule.engines.native.planning.verifier import verify, verify_lives
from chainrule.engines.native.planning.writer import Writer
from chainrule.engines.native.rewrites.gathers import GATHERS
from chainrule.engines.native.rewrites.loops import LOOPS
from chainrule.engines.native.rewrites.passes import BODY_PASSES
from chainrule.engines.native.rewrites.rewriting import rewritten
from chainrule.engines.native.running.target import Target
from chainrule.ir.graph import Graph
from chainrule.ops.conversion import Copy
from chainrule.ops.movement import Reshape

PASSES = (("loops", LOOPS), ("gathers", GATHERS), *BODY_PASSES)


class Plan:
    """Everything that is decided about a graph, or about the body of a loop, before it runs.

    Args:
        fixed: of a loop's body, the inputs that are the same in all turns.
        compilation: gets each function as soon as it is written.

    What is decided:

        order, roots     all nodes, each after its inputs; those whose memory is an output
        stored, local    which nodes lie in memory, by id, and which of these in registers only
        kernels, groups  nodes computed together; kernels that run at the same time
        orders           by id of a node: the order of its axes, unless it is row-major
        buffers, arena   by id of a node: its memory; bytes of the memory that buffers share
        taken, kept      output → the input it is written over; output → why it is not
        functions        the code
        regions, loops   calls of functions that run at the same time; regions that repeat
        bodies           by place of a loop's kernel: the plan of its body
        prelude, extra   what a loop does before its turns; memory that is no node's
        values           by place of an equation of the graph: the node that has its value
        ends             by number of a group: how many regions have run when it has
    """

    def __init__(
        self, inputs: list[Node], outputs: list[Node], target: Target,
        compilation: Compilation | None, fixed: Iterable[Node] = (),
    ) -> None:  # fmt: skip
        self.inputs, self.outputs = inputs, outputs
        self.target = target
        self.lanes, self.fused = target.vector_bytes // 4, target.fused
        self.fixed = {id(node) for node in fixed}
        self.row_major: set[int] = set()  # read through a reshape: the order must be plain
        self.functions = Functions(compilation)
        self.seconds: dict[str, float] = {}
        self._compilation = compilation
        self._clock = time.perf_counter()

    @staticmethod
    def of(
        graph: Graph, target: Target, donations: dict[int, int],
        compilation: Compilation | None = None,
    ) -> Plan:  # fmt: skip
        """The plan of a graph.

        Args: donations: output → the input whose memory it may take.
        """
        plan = Plan(*imported(graph), target, compilation)
        plan._rewrite()
        plan.decide(plan._bind, donations)
        verify(plan)
        plan.lap("verify")
        return plan

    def inner(self, inputs: list[Node], outputs: list[Node], fixed: Iterable[Node]) -> Plan:
        """A plan of the body of a loop: its nodes are rewritten, but nothing is decided."""
        return Plan(inputs, outputs, self.target, self._compilation, fixed)

    def decide(self, bind: Callable[[], None], donations: dict[int, int]) -> None:
        """Everything about the nodes, once they are rewritten.

        Args: bind: gives the inputs and outputs their buffers.
        """
        self._store()
        while True:
            self._group()
            self.buffers: dict[int, Buffer] = {}  # by id of a node
            bind()
            self._place(donations)
            try:
                self._write()
                break
            except NeedsMemory as missing:
                self._keep_plain(missing.node)
        self.functions.forget()

    def _keep_plain(self, node: Node) -> None:
        """Store a node, if it is not, and in row-major order, if it is."""
        if id(node) not in self.stored:
            self.stored.put(node, "no index of its own where it is read reshaped")
        elif id(node) in self.orders:
            self.row_major.add(id(node))
        else:
            raise NeedsMemory(node)

    def lap(self, name: str) -> None:
        """What was done since the last lap has this name."""
        now = time.perf_counter()
        self.seconds[name] = now - self._clock
        self._clock = now

    # -- what is computed where ------------------------------------------------------------

    def _rewrite(self) -> None:
        self.values = {n.equation: n for n in ordered(self.outputs) if n.equation >= 0}
        for name, rules in PASSES:
            self.outputs = rewritten(self.outputs, rules, self.values)
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
        self.kernels = fuse(self.order, self.stored, {id(root) for root in self.roots})
        self.lap("fuse")
        self.orders = layouts(self.kernels, self.roots, self.row_major)
        self.lap("layouts")
        self.groups = concurrent(self.kernels)
        self.group_of = {  # by place of a kernel: the number of its group
            kernel.place: number for number, each in enumerate(self.groups) for kernel in each
        }
        self.lap("groups")

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
        """Give everything memory, and note how long each buffer lives."""
        self.taken, self.kept = taken_over(self, donations)
        for output, source in self.taken.items():
            self.buffers[id(self.roots[output])] = self.buffers[id(self.inputs[source])]
        self.local = in_registers(self)
        for kernel in self.kernels:
            group = self.group_of[kernel.place]
            for node in kernel.nodes:
                if id(node) not in self.local:
                    self._buffer_of(node).used_in(group)
            for node in kernel.reads.values():
                if id(node) not in self.local:
                    self.buffers[id(node)].used_in(group)
                    if (found := piece(node)) is not None:
                        self.buffers[id(found[0])].used_in(group)
        self.lap("memory")

    def _buffer_of(self, node: Node) -> Buffer:
        """The memory that a node has, or gets."""
        if id(node) not in self.buffers:
            self.buffers[id(node)] = self._memory_for(node)
        return self.buffers[id(node)]

    def _memory_for(self, node: Node) -> Buffer:
        if (found := piece(node)) is None:
            return Buffer("arena", node.bytes, label=repr(node))
        loop, first = found
        start = first * node.dtype.itemsize
        return Buffer("part", node.bytes, offset=start, base=self.buffers[id(loop)])

    def own_buffers(self) -> list[Buffer]:
        """What lies in the arena."""
        every = [*self.buffers.values(), *self.extra]
        return list({id(b): b for b in every if b.home == "arena"}.values())

    # -- code ------------------------------------------------------------------------------

    def places(self) -> Places:
        """Where the values lie, for another kernel."""
        return Places(self.stored, self.local, self.orders, self.buffers)

    def _write(self) -> None:
        self.functions.restart()
        writer = Writer(self)
        writer.write()
        self.regions, self.loops, self.bodies = writer.regions, writer.loops, writer.bodies
        self.ends = writer.ends
        self.prelude, self.extra = writer.prelude, writer.extra
        self.lap("code")
        self.arena = arrange(self.own_buffers())
        verify_lives(self.own_buffers())
        self.lap("arrange memory")
