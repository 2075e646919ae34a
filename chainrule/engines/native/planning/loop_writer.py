"""Loops over time: the regions of the body, which the program goes through again and again.

copy the first states to where the last ones will be
pack what the products read in every turn
length times:
    the regions of the body        x[t] and y[t] are arguments that move on every turn
    copy the new states over the old ones, but for those written in place
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.code.functions import KERNEL
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.planning.fusion import Kernel
from chainrule.engines.native.planning.regions import COPY, Region

if TYPE_CHECKING:
    from chainrule.engines.native.planning.plan import Plan
    from chainrule.engines.native.planning.writer import Writer

CHUNK = 1 << 16  # bytes that one chunk copies


class LoopWriter:
    """Plans and writes the body of one loop of a plan.

    Args: number: of the loop's group of kernels.
    """

    def __init__(self, writer: Writer, kernel: Kernel, number: int) -> None:
        self.writer, self.outer, self.number = writer, writer.plan, number
        self.kernel = kernel
        self.node = kernel.nodes[0]
        params = self.node.params
        self.body, self.states = params["body"], params["states"]
        self.moving = self.states + params["sequences"]
        self.length, self.reverse = params["length"], params["reverse"]
        self.results = self.outer.buffers[id(self.node)]

    def write(self) -> tuple[list[Region], list[Region]]:
        """The regions before the loop, and those of every turn."""
        body = self.body
        fixed = body.inputs[self.moving :]
        self.plan = inner = self.outer.inner(body.inputs, body.outputs, fixed)
        inner.decide(self._bind, {state: state for state in range(self.states)})
        self.outer.functions.include(inner.functions)
        ends = Region()
        for place in range(self.states):
            now = inner.buffers[id(body.inputs[place])]
            new = inner.buffers[id(inner.roots[place])]
            first = self.outer.buffers[id(self.node.inputs[place])]
            self._copy(first, now, inner.prelude)
            if new is not now:
                self._copy(new, now, ends)
        self._keep(inner)
        before = [inner.prelude] if inner.prelude.functions else []
        return before, [r for r in (*inner.regions, ends) if r.functions]

    def _copy(self, source: Buffer, target: Buffer, region: Region) -> None:
        """A function that copies a state."""
        size = target.size
        if not size:
            return
        e = Emitter(KERNEL, [], self.outer.target.vector_bytes)
        copy_bytes(e, size, e.pointer("source"), e.pointer("target"))
        given = {"source": source, "target": target}
        self.writer.call(region, self.kernel, (e, -(-size // CHUNK)), given,
                         role=COPY, label="copy a state")  # fmt: skip

    # -- memory ----------------------------------------------------------------------------

    def _bind(self) -> None:
        """Give the inputs and outputs of the body their buffers."""
        plan, blocks = self.plan, self._blocks()
        lasts = blocks[len(blocks) - self.states :]
        for place, x in enumerate(self.body.inputs):
            if place < self.states:
                plan.buffers[id(x)] = lasts[place]
            else:
                given = self.outer.buffers[id(self.node.inputs[place])]
                is_fixed = place >= self.moving
                plan.buffers[id(x)] = _whole(given) if is_fixed else self._at_time(given, 0, x)
        for place, root in enumerate(plan.roots):
            if place < self.states:
                plan.buffers[id(root)] = buffer = Buffer("arena", root.bytes, label=repr(root))
                buffer.used_in(0)
                buffer.used_in(len(plan.groups))
            else:
                plan.buffers[id(root)] = blocks[place - self.states]

    def _blocks(self) -> list[Buffer]:
        """The memory of what each turn adds to the results, and of the last states."""
        found, start = [], 0
        outputs = self.body.outputs
        for y in outputs[self.states :]:
            found.append(self._at_time(self.results, start, y))
            start += self.length * y.size * y.dtype.itemsize
        for y in outputs[: self.states]:
            size = y.size * y.dtype.itemsize
            found.append(Buffer("part", size, offset=start, base=self.results))
            start += size
        return found

    def _at_time(self, base: Buffer, start: int, x: Node) -> Buffer:
        """The part of a sequence that belongs to the present time."""
        size = math.prod(x.shape) * x.dtype.itemsize
        first = start + size * (self.length - 1) if self.reverse else start
        if base.base is not None:
            first, base = first + base.offset, base.base
        step = -size if self.reverse else size
        return Buffer("part", size, offset=first, base=base, stride=step)

    def _keep(self, plan: Plan) -> None:
        """The memory of the body becomes one buffer of the plan around it."""
        whole = Buffer("arena", plan.arena, label=f"inside {self.node!r}")
        whole.used_in(self.number)
        self.writer.extra.append(whole)
        for buffer in plan.own_buffers():
            buffer.home, buffer.base = "part", whole


def _whole(buffer: Buffer) -> Buffer:
    """A buffer of the plan around the loop, as the body sees it."""
    if buffer.base is None:
        return Buffer("part", buffer.size, base=buffer)
    return Buffer("part", buffer.size, offset=buffer.offset, base=buffer.base)


def copy_bytes(e: Emitter, size: int, source: Value, target: Value) -> None:
    """One chunk of a copy: whole vectors, and what remains byte by byte."""
    whole = size - size % e.lanes
    low = e.multiply(e.chunk, e.int(CHUNK))
    high = e.add(low, e.int(CHUNK))
    for first, stop, lanes in ((0, whole, e.lanes), (whole, size, 1)):
        start = e.intrinsic("smax", low, e.int(first))
        end = e.intrinsic("smin", high, e.int(stop))
        with e.loop(start, end, lanes) as i:
            value = e.load(e.step(source, i, "i8"), "i8", lanes, fixed=False)
            e.store(value, e.step(target, i, "i8"))
