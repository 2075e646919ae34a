"""The code of a nest: its loops, and what is computed in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from chainrule import dtypes
from chainrule.engines.native.code.emission import Emission, NotVectorizable
from chainrule.engines.native.code.nest import Nest, Unit
from chainrule.engines.native.code.nest_loops import NestLoops, strides_of_accesses
from chainrule.engines.native.code.places import Place, Places
from chainrule.engines.native.code.totals import across, combined, neutral
from chainrule.engines.native.contraction.lanes import prefix
from chainrule.engines.native.emitter import Emitter, Slot, Value
from chainrule.engines.native.emitter.affine import Affine, SplitNeeded, Undecided, Var
from chainrule.engines.native.graph.expression import NeedsMemory
from chainrule.engines.native.graph.nodes import Node


class NestCode:
    """Writes the function of a nest.

    Args:
        lanes: float32 numbers in a vector.
        fused: whether the processor has fma.
        partials: by id of a product: where its partial results lie, which are added up.
    """

    def __init__(
        self, nest: Nest, places: Places, lanes: int, fused: bool,
        partials: Mapping[int, list[Place]] | None = None,
    ) -> None:  # fmt: skip
        self.nest, self.places = nest, places
        self.lanes, self.fused = lanes, fused
        self.partials = partials or {}

    @property
    def chunks(self) -> int:
        """Into how many pieces the work is cut."""
        return self.loops.chunks

    def write(self, name: str) -> Emitter:
        """The function; one element at a time if the lanes would not work out."""
        axes = list(self.nest.axes)
        if self._joins_axes():
            try:
                return self._write(name, self.lanes)
            except (SplitNeeded, Undecided, NeedsMemory, NotVectorizable):
                pass
            finally:
                self.nest.take(axes)
        try:
            return self._write_cutting(name, self.lanes)
        except NotVectorizable:
            return self._write_cutting(name, 1)

    def _joins_axes(self) -> bool:
        """Make long loops of short ones, where all lies one behind the other."""
        if len(self.nest.space) < 2 or not self.nest.is_plain(self.places.stored):
            return False
        try:
            steps = [terms for terms, _ in strides_of_accesses(self.nest, self.places)]
        except SplitNeeded:
            return False
        return self.nest.join([dict(terms) for terms in steps])

    def _write_cutting(self, name: str, lanes: int) -> Emitter:
        """Make two loops of one wherever an index needs it."""
        while True:
            try:
                return self._write(name, lanes)
            except SplitNeeded as split:
                self.nest.split(split.var, split.inner)

    def _write(self, name: str, lanes: int) -> Emitter:
        self.e = Emitter(name, [], lanes, fused=self.fused)
        self.emission = Emission(self.e, self.places, self.partials)
        self.results: list[tuple[Node, Any, Value]] = []
        self.loops = NestLoops(self.nest, self.places, lanes)
        self.vector = self.loops.vector
        self.registers: list[dict[int, Value]] = [{} for _ in range(self.loops.abreast)]
        with self._outer_loops():
            self._phases()
        return self.e

    # -- loops -----------------------------------------------------------------------------

    @contextmanager
    def _outer_loops(self) -> Iterator[None]:
        with ExitStack() as stack:
            lead = self.loops.lead
            if lead:
                self._lead(stack, lead)
            for var in self.loops.outer[len(lead) :]:
                stack.enter_context(self._loop(var))
            yield

    def _lead(self, stack: ExitStack, lead: list[Var]) -> None:
        """One loop over the chunk's share of the leading axes."""
        low, high = self._share(self.loops.rows)
        row = stack.enter_context(self.e.loop(low, high, 1, "row"))
        for var in reversed(lead[1:]):
            size = self.e.int(var.size)
            var.value = self.e.binary("urem", row, size)
            row = self.e.binary("udiv", row, size)
        lead[0].value = row

    def _share(self, count: int) -> tuple[int | Value, int | Value]:
        """The part of `count` that belongs to this chunk."""
        e = self.e
        if self.chunks == 1:
            return 0, count
        if count % self.chunks == 0:
            part = e.int(count // self.chunks)
            low = e.multiply(e.chunk, part)
            return low, e.add(low, part)
        ends = [e.multiply(c, e.int(count)) for c in (e.chunk, e.add(e.chunk, e.int(1)))]
        low, high = [e.binary("udiv", end, e.int(self.chunks)) for end in ends]
        return low, high

    @contextmanager
    def _loop(self, var: Var) -> Iterator[None]:
        """The loop over one variable, by vectors if the lanes run along it."""
        e = self.e
        if var is not self.vector:
            with e.over(var):
                yield
            return
        low: int | Value = 0
        high: int | Value = var.size
        if self.loops.cut_lanes and self.chunks > 1:
            first, last = self._share(-(-var.size // e.lanes))
            low, high = (
                e.multiply(e.as_value(first), e.int(e.lanes)),
                e.multiply(e.as_value(last), e.int(e.lanes)),
            )
        with e.over(var, low, high, e.lanes):
            if var.size < e.lanes:
                self.emission.tails[var] = prefix(e.lanes, var.size)
            elif var.size % e.lanes:
                lane = self.emission.position(Affine.of(var), "i32")
                limit = e.constant("i32", var.size, e.lanes)
                self.emission.tails[var] = e.compare("slt", lane, limit)
            yield
        self.emission.tails.pop(var, None)

    def _vectors(self) -> Iterator[None]:
        """For each of the vectors side by side; each has registers of its own."""
        if self.loops.abreast == 1:
            yield
            return
        assert self.vector is not None
        lanes, tails = self.e.lanes, self.emission.tails
        for k, registers in enumerate(self.registers):
            self.vector.value = self.e.int(k * lanes)
            self.emission.forget()
            self.emission.registers = registers
            if (left := self.vector.size - k * lanes) < lanes:
                tails[self.vector] = prefix(lanes, left)
            yield
            tails.pop(self.vector, None)

    # -- what is computed ------------------------------------------------------------------

    def _phases(self) -> None:
        units = self.nest.units
        last = max(self.loops.phase_of.values(), default=0)
        for phase in range(last + 1):
            now = [u for u in units if self.loops.phase_of[id(u.node)] == phase]
            for _ in self._vectors():
                for unit in now:
                    if self.nest.is_outer(unit):
                        self._map(unit)
                self._store_all()
            self._inner_loop([u for u in now if not self.nest.is_outer(u)])

    def _inner_loop(self, units: list[Unit]) -> None:
        if not units:
            return
        totals = [
            {id(u.node): self._accumulator(u) for u in units if u.is_reduction}
            for _ in range(self.loops.abreast)
        ]
        with ExitStack() as stack:
            for var in self.loops.inner:
                stack.enter_context(self._loop(var))
            for slots, _ in zip(totals, self._vectors(), strict=True):
                self._body(units, slots)
        for slots, _ in zip(totals, self._vectors(), strict=True):
            for unit in units:
                self.emission.registers.pop(id(unit.node), None)
            for unit in units:
                if unit.is_reduction:
                    self._finish(unit, slots[id(unit.node)])

    def _body(self, units: list[Unit], slots: dict[int, Slot]) -> None:
        """What is done with one vector of elements."""
        for unit in units:
            if unit.is_reduction:
                self._accumulate(unit, slots[id(unit.node)])
            else:
                self._map(unit)
        self._store_all()

    def _map(self, unit: Unit) -> None:
        node = unit.node
        index = self.nest.index(node.shape, unit)
        value = self.emission.compute(node, index)
        self.emission.registers[id(node)] = value
        if not self.places.is_local(node):
            self.results.append((node, index, value))

    def _store_all(self) -> None:
        """What was computed goes to memory at the end of the loop's body: a result may take the
        place of a value that was read there."""
        for node, index, value in self.results:
            self.emission.write_at(node, index, value)
        self.results.clear()

    # -- reductions ------------------------------------------------------------------------

    def _accumulator(self, unit: Unit) -> Slot:
        node, e = unit.node, self.e
        (x,) = node.inputs
        lanes = e.lanes if self.vector is not None else 1
        return e.slot(e.widened(neutral(self.emission, node, x.dtype), lanes))

    def _accumulate(self, unit: Unit, slot: Slot) -> None:
        node, e = unit.node, self.e
        (x,) = node.inputs
        value = e.widened(self.emission.value(x, self.nest.index(x.shape, unit)), slot.lanes)
        total = combined(e, node, e.get(slot), value)
        if self.vector in self.loops.inner and self.vector in self.emission.tails:
            total = e.select(self.emission.tails[self.vector], total, e.get(slot))
        e.put(slot, total)

    def _finish(self, unit: Unit, slot: Slot) -> None:
        node, e = unit.node, self.e
        total = e.get(slot)
        if slot.lanes > 1 and self.vector in self.loops.inner:
            total = across(e, node, total)
        if node.dtype in dtypes.HALVES:
            total = self.emission.rounded(total, node.dtype)
        self.emission.registers[id(node)] = total
        if self.places.is_local(node):
            return
        forms = self.nest.forms()
        kept = iter([forms[k] for k in self.nest.outer])
        index = tuple([Affine() if n == 1 else next(kept) for n in node.shape])
        self.emission.write_at(node, index, total)
