"""The code of a plan: a function for each kernel, and the regions in which they are called."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING

from chainrule.engines.native.compilation import Compilation
from chainrule.engines.native.emission import Place
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.grouping import Kernel
from chainrule.engines.native.layouts import Order, strides_of
from chainrule.engines.native.likeness import Likeness
from chainrule.engines.native.loops import LoopCode, Repeated
from chainrule.engines.native.memory_plan import Buffer, arrange
from chainrule.engines.native.nest import Nest, Unit
from chainrule.engines.native.nest_code import NestCode
from chainrule.engines.native.nodes import LOOP, PRODUCT, Node
from chainrule.engines.native.own_kernels import WRITERS
from chainrule.engines.native.product_code import PartCode
from chainrule.engines.native.regions import Function, Region
from chainrule.engines.native.storing import Stored
from chainrule.engines.native.target import Target
from chainrule.engines.native.verifier import verify_lives

if TYPE_CHECKING:
    from chainrule.engines.native.plan import Plan


class Writing:
    """The half of a plan that writes code, once all is decided."""

    target: Target
    compilation: Compilation | None  # whoever wants machine code of the functions
    lanes: int
    fused: bool
    status: Buffer
    fixed: set[int]
    groups: list[list[Kernel]]
    region_of: dict[int, int]
    stored: Stored
    local: set[int]
    orders: dict[int, Order]
    buffers: dict[int, Buffer]
    roots: list[Node]
    taken: dict[int, int]

    def lap(self, name: str) -> None:
        raise NotImplementedError

    def place_of(self, node: Node, names: dict[Buffer, str]) -> Place:
        raise NotImplementedError

    def as_plan(self) -> Plan:
        raise NotImplementedError

    def _forget(self) -> None:
        """Nothing is written yet."""
        self.products: dict[tuple, Emitter] = {}  # by all that the code depends on
        self.nests: dict[tuple, tuple[Emitter, int]] = {}  # and into how many chunks it is cut
        self.written: dict[Emitter, tuple[str, str]] = {}  # name and text

    def _write(self) -> None:
        self.extra: list[Buffer] = []
        self.texts: dict[str, str] = {}  # name → text
        self.helpers: dict[str, str] = {}
        self.declared: dict[str, str] = {}
        self.regions: list[Region] = []
        self.loops: list[Repeated] = []
        self.bodies: dict[int, Plan] = {}  # of loops, by the place of their kernel
        self.prelude = Region()  # what a loop does once, before its turns
        packs: dict[tuple, Buffer] = {}
        for kernels in self.groups:
            before, main, after = Region(), Region(kernels=kernels), Region(kernels=kernels)
            for kernel in kernels:
                if kernel.kind == "call":
                    main.call = kernel.nodes[0]
                elif kernel.kind == PRODUCT:
                    self._product(kernel, before, main, after, packs)
                elif kernel.kind == "own":
                    self._own(kernel, main)
                elif kernel.kind == LOOP:
                    self._loop(kernel)
                else:
                    self._nest(kernel, main)
            self.regions += [r for r in (before, main, after) if r.functions or r.call]
        self.lap("code")
        self.arena = arrange(self.own_buffers())
        verify_lives(self.own_buffers())
        self.lap("arrange memory")

    def own_buffers(self) -> list[Buffer]:
        """What lies in the arena."""
        found = {id(b): b for b in self._all_buffers() if b.home == "arena"}
        return list(found.values())

    def call(
        self,
        region: Region,
        kernel: Kernel,
        emitter: Emitter,
        chunks: int,
        given: dict[str, Buffer],
        label: str,
    ) -> None:
        """Put a function with these arguments into a region."""
        region.functions.append(self._function(kernel, emitter, chunks, {}, given, label))

    def _loop(self, kernel: Kernel) -> None:
        """The regions of a loop, and how often those of its body run."""
        code = LoopCode(self.as_plan(), kernel, self.region_of[kernel.place])
        before, turn = code.write()
        first = len(self.regions) + len(before)
        self.regions += [*before, *turn]
        self.loops.append(Repeated(first, len(self.regions), code.length))
        self.bodies[kernel.place] = code.plan
        self.texts |= code.plan.texts
        self.helpers |= code.plan.helpers
        self.declared |= code.plan.declared

    def _nest(self, kernel: Kernel, region: Region) -> None:
        nodes = [n for n in kernel.nodes if n.size]
        if not nodes:
            return
        names: dict[Buffer, str] = {}
        place = functools.partial(self.place_of, names=names)
        assert kernel.nest is not None
        key = Likeness(self.stored, self.local, place).key(kernel.nest)
        if key not in self.nests:
            code = NestCode(kernel.nest, self.stored, self.local, place, self.lanes, self.fused)
            self.nests[key] = code.write("kernel"), code.chunks
        emitter, chunks = self.nests[key]
        region.functions.append(self._function(kernel, emitter, chunks, names))

    def _own(self, kernel: Kernel, region: Region) -> None:
        (node,) = kernel.nodes
        if not node.size:
            return
        names: dict[Buffer, str] = {}
        code = WRITERS[node.op](node, lambda n: self.place_of(n, names), self.lanes, self.fused)
        emitter = code.write("kernel")
        region.functions.append(self._function(kernel, emitter, code.chunks, names))

    def _function(
        self,
        kernel: Kernel,
        emitter: Emitter,
        chunks: int,
        names: dict[Buffer, str],
        given: dict[str, Buffer] | None = None,
        label: str = "",
        flops: int = 0,
    ) -> Function:
        """A call of the function that the emitter wrote."""
        name = self._named(emitter)
        known = {parameter: buffer for buffer, parameter in names.items()} | (given or {})
        known["status"] = self.status
        buffers = [known[p] for p in emitter.parameters]
        reads, writes = [
            tuple([i for i, p in enumerate(emitter.parameters) if p in touched])
            for touched in (emitter.loads, emitter.stores)
        ]
        label = label or repr(kernel.nodes)
        return Function(name, buffers, chunks, kernel, label, flops, reads, writes)

    def _named(self, emitter: Emitter) -> str:
        """The name of the function that the emitter wrote; equal functions are one."""
        if emitter not in self.written:
            text = emitter.text()
            name = "k" + hashlib.sha256(text.encode()).hexdigest()[:16]
            self.written[emitter] = name, re.sub(r"@kernel\b", f"@{name}", text)
        name, text = self.written[emitter]
        if name not in self.texts:
            self.texts[name] = text
            self.helpers |= emitter.helpers
            self.declared |= emitter.declared
            if self.compilation is not None:
                self.compilation.add(name, text, emitter)
        return name

    def _all_buffers(self) -> list[Buffer]:
        return [*self.buffers.values(), *self.extra]

    def _product(
        self,
        kernel: Kernel,
        before: Region,
        main: Region,
        after: Region,
        packs: dict[tuple, Buffer],
    ) -> None:
        node = kernel.nodes[0]
        if not node.size:
            return
        region = self.region_of[kernel.place]
        nest = kernel.nest
        assert nest is not None
        parts = []
        for part in node.params["parts"]:
            names: dict[Buffer, str] = {}
            place = functools.partial(self.place_of, names=names)
            code = PartCode(node, part, nest, self.stored, self.local, place, self.fixed)
            parts.append((code, code.plan(self.lanes, self.target.vector_registers), names))
        partials = max(p.partials for _, p, _ in parts)
        if len(parts) > 1:
            assert partials == 1
        apart = partials > 1 or any(code.apart for code, _, _ in parts)
        partial = self._partial_place(node, partials, region) if apart else None
        for code, planned, names in parts:
            operands = {
                f"operand{i}": self._packed(kernel, found, pack, before, region, packs)
                for i, (found, pack) in enumerate(
                    [(code.a, planned.pack_a), (code.b, planned.pack_b)]
                )
            }
            emitter = self._product_text(code, names, partial and partial[1])
            given = operands | ({"partial": partial[0]} if partial else {})
            main.functions.append(
                self._function(
                    kernel, emitter, planned.chunks, names, given, flops=planned.flops
                )
            )
        if partial is not None:
            self._sum_partials(kernel, partial, partials, after)

    def _product_text(
        self, code: PartCode, names: dict[Buffer, str], partial: Place | None
    ) -> Emitter:
        """The function of a contraction; written once for equal ones."""
        place = functools.partial(self.place_of, names=names)
        key: tuple = (code.planned.given, len(code.node.params["parts"]), partial)
        key += (place(code.node),)
        if partial is None:
            likeness = Likeness(self.stored, self.local, place)
            key += (code.part, likeness.key(code.nest, code.node))
        if key not in self.products:
            self.products[key] = code.write("kernel", self.lanes, self.fused, partial)
        return self.products[key]

    def _partial_place(self, node: Node, partials: int, region: int) -> tuple[Buffer, Place]:
        buffer = Buffer("arena", partials * node.size * node.dtype.itemsize, label="partial")
        buffer.used_in(region)
        self.extra.append(buffer)
        strides = strides_of(node, self.orders.get(id(node)) or tuple(range(len(node.shape))))
        return buffer, Place("partial", strides, id(node) not in self.orders)

    def _sum_partials(
        self, kernel: Kernel, partial: tuple[Buffer, Place], partials: int, after: Region
    ) -> None:
        """The partial results added up, and what is computed from the sum."""
        node = kernel.nodes[0]
        assert kernel.nest is not None
        names: dict[Buffer, str] = {}
        code = NestCode(
            _with_product(kernel.nest, node),
            self.stored,
            self.local,
            lambda n: self.place_of(n, names),
            self.lanes,
            self.fused,
        )
        place = partial[1]
        code.partials[id(node)] = [
            Place("partial", place.strides, place.row_major, offset=k * node.size)
            for k in range(partials)
        ]
        emitter = code.write("kernel")
        after.functions.append(
            self._function(kernel, emitter, code.chunks, names, {"partial": partial[0]})
        )

    def _packed(self, kernel, found, pack, before, region, packs):
        """The buffer of an operand, or of its packed copy."""
        source = self.buffers[id(found.node)]
        if pack is None:
            return source
        key = (id(found.node), repr(pack))  # another node may lie in the same memory later
        if key in packs:
            packs[key].used_in(region)
            return packs[key]
        size = pack.size * found.node.dtype.itemsize
        buffer = packs[key] = Buffer("arena", size, label=f"packed {found.node!r}")
        buffer.used_in(region)
        if id(found.node) in self.fixed:
            before = self.prelude
            buffer.used_in(0)
            buffer.used_in(len(self.groups) - 1)
        self.extra.append(buffer)
        emitter = Emitter("kernel", [], self.lanes, fused=self.fused)
        pack.write(emitter, emitter.pointer("source"), emitter.pointer("target"))
        before.functions.append(
            self._function(
                kernel,
                emitter,
                pack.chunks,
                {},
                {"source": source, "target": buffer},
                f"pack {found.node!r}",
            )
        )
        return buffer


def _with_product(nest: Nest, node: Node) -> Nest:
    """The nest of a product's epilogue with the product itself in front."""
    whole = Nest(nest.space)
    whole.units = [Unit(node, nest.space, ()), *nest.units]
    return whole
