"""The functions of a product, with the copies and partial results that they need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.code.functions import KERNEL, Written
from chainrule.engines.native.code.likeness import Likeness
from chainrule.engines.native.code.nest import Nest, Unit
from chainrule.engines.native.code.nest_code import NestCode
from chainrule.engines.native.code.places import Place, strides_of
from chainrule.engines.native.code.product_code import Found, PartCode
from chainrule.engines.native.contraction import Packing
from chainrule.engines.native.contraction.winograd_weights import Weights
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.graph.nodes import Node, Part
from chainrule.engines.native.planning.fusion import Kernel
from chainrule.engines.native.planning.regions import ADD, PACK

if TYPE_CHECKING:
    from chainrule.engines.native.planning.writer import Step, Writer

PARTIAL = "partial"  # the parameter for results that are yet to be added up


class ProductWriter:
    """Writes one product of a plan."""

    def __init__(self, writer: Writer, kernel: Kernel, step: Step) -> None:
        assert kernel.nest is not None
        self.writer, self.plan = writer, writer.plan
        self.kernel, self.step = kernel, step
        self.node, self.nest = kernel.nodes[0], kernel.nest

    def write(self) -> None:
        """One function for each part; what else is computed from the results is done in it, or
        in one that comes after."""
        codes = [self._code(part) for part in self.node.params["parts"]]
        count = max(code.planned.partials for code in codes)
        assert count == 1 or len(codes) == 1
        if count > 1 or any(code.apart for code in codes):
            self._write_apart(codes, count)
            return
        for code in codes:
            self._call(code, None, {})

    def _code(self, part: Part) -> PartCode:
        code = PartCode(self.node, part, self.nest, self.plan.places(), self.plan.fixed)
        code.plan(self.plan.lanes, self.plan.target.vector_registers)
        return code

    def _write_apart(self, codes: list[PartCode], count: int) -> None:
        """The results go to memory of their own, `count` times one after another; they are
        added up once all are there."""
        node, plan = self.node, self.plan
        size = count * node.size * node.dtype.itemsize
        memory = {PARTIAL: self._memory(size, PARTIAL)}
        order = plan.orders.get(id(node))
        place = Place(PARTIAL, strides_of(node, order), order is None)
        for code in codes:
            self._call(code, place, memory)
        places = [replace(place, offset=k * node.size) for k in range(count)]
        total = NestCode(_with_product(self.nest, node), plan.places(), plan.target,
                         {id(node): places})  # fmt: skip
        written = total.write(KERNEL), total.chunks
        given = total.places.arguments() | memory
        self.writer.call(self.step.after, self.kernel, written, given, role=ADD)

    def _call(self, code: PartCode, partial: Place | None, memory: dict[str, Buffer]) -> None:
        """Call the function of a part, whose results go to memory of their own or not."""
        memory = memory | {
            "operand0": self._packed(code.a, code.planned.pack_a),
            "operand1": self._packed(code.b, code.planned.pack_b),
        }
        written = self._written(code, partial)
        given = code.places.arguments() | memory
        flops = code.planned.flops
        self.writer.call(self.step.main, self.kernel, written, given, flops=flops)

    def _written(self, code: PartCode, partial: Place | None) -> Written:
        """The function of a part; written once for equal ones."""
        lanes, fused = self.plan.lanes, self.plan.fused
        key: tuple = ("product", code.planned.given, len(code.node.params["parts"]), partial,
                      code.places.of(code.node))  # fmt: skip
        if partial is None:
            key += (code.part, Likeness(code.places).key(code.nest, code.node))

        def write() -> Written:
            return code.write(KERNEL, lanes, fused, partial), code.planned.chunks

        return self.plan.functions.once(key, write)

    # -- memory that is no node's ----------------------------------------------------------

    def _memory(self, size: int, label: str) -> Buffer:
        buffer = Buffer("arena", size, label=label)
        buffer.used_in(self.step.number)
        self.writer.extra.append(buffer)
        return buffer

    def _packed(self, operand: Found, pack: Packing | Weights | None) -> Buffer:
        """The memory of an operand, or of its packed copy, which others may have made."""
        source = self.plan.buffers[id(operand.node)]
        if pack is None:
            return source
        key = (id(operand.node), repr(pack))  # another node may lie in the same memory later
        if key not in self.writer.packs:
            self.writer.packs[key] = self._pack(operand.node, source, pack)
        self.writer.packs[key].used_in(self.step.number)
        return self.writer.packs[key]

    def _pack(self, node: Node, source: Buffer, pack: Packing | Weights) -> Buffer:
        """Copy an operand before the product, or once before the turns of a loop."""
        label = f"packed {node!r}"
        target = self._memory(pack.size * node.dtype.itemsize, label)
        region = self.step.before
        if id(node) in self.plan.fixed:
            region = self.writer.prelude
            target.used_in(0)
            target.used_in(len(self.plan.groups) - 1)
        e = Emitter(KERNEL, [], self.plan.lanes, fused=self.plan.fused)
        pack.write(e, e.pointer("source"), e.pointer("target"))
        self.writer.call(region, self.kernel, (e, pack.chunks),
                         {"source": source, "target": target},
                         role=PACK, label=f"pack {node!r}")  # fmt: skip
        return target


def _with_product(nest: Nest, node: Node) -> Nest:
    """The nest of a product's epilogue with the product itself in front."""
    whole = Nest(nest.space)
    whole.units = [Unit(node, nest.space, ()), *nest.units]
    return whole
