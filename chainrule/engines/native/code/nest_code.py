"""The code of a nest: its loops, and what is computed in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from chainrule import dtypes
from chainrule.engines.native.code.emission import Emission, NotVectorizable
from chainrule.engines.native.code.nest import Nest, Unit
from chainrule.engines.native.code.nest_loops import WIDEST, NestLoops, strides_of_accesses
from chainrule.engines.native.code.places import Place, Places
from chainrule.engines.native.code.totals import across, combined, neutral
from chainrule.engines.native.contraction.lanes import prefix
from chainrule.engines.native.emitter import Emitter, Slot, Value
from chainrule.engines.native.emitter.affine import Affine, SplitNeeded, Undecided, Var
from chainrule.engines.native.graph.expression import NeedsMemory
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.running.target import Target

Range = tuple[int | Value, int | Value, int | None]  # from, to, where the last vector is cut


class NestCode:
    """Writes the function of a nest.

    Args:
        partials: by id of a product: where its partial results lie, which are added up.
    """

    def __init__(
        self, nest: Nest, places: Places, target: Target,
        partials: Mapping[int, list[Place]] | None = None,
    ) -> None:  # fmt: skip
        self.nest, self.places, self.target = nest, places, target
        self.lanes = target.vector_bytes // 4  # float32 numbers in a vector
        self.partials = partials or {}

    @property
    def chunks(self) -> int:
        """Into how many pieces the work is cut."""
        return self.loops.chunks

    def write(self, name: str) -> Emitter:
        """The function; one element at a time if the lanes would not work out."""
        axes = list(self.nest.axes)
        try:
            if self._joins_axes():
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
        """Make long loops of short ones, where all lies one behind the other.

        Notes: a view may reorder the axes and then join them in another way. There, a loop that
        stands for several axes does not say where an element lies, and what is read moves
        otherwise than it did.
        """
        nest = self.nest
        if len(nest.space) < 2 or not nest.is_plain(self.places.stored):
            return False
        expected = self._steps()
        if not nest.join(expected):
            return False
        loops = [var for variables in nest.axes for var in variables]
        found = self._steps()  # this may cut loops again
        return loops == [var for variables in nest.axes for var in variables] and found == [
            {var: step[var] for var in loops if step.get(var)} for step in expected
        ]

    def _steps(self) -> list[dict[Var, int]]:
        """How far each access moves with each variable."""
        return [dict(terms) for terms, _ in strides_of_accesses(self.nest, self.places)]

    def _write_cutting(self, name: str, lanes: int) -> Emitter:
        """Make two loops of one wherever an index needs it."""
        while True:
            try:
                return self._write(name, lanes)
            except SplitNeeded as split:
                self.nest.split(split.var, split.inner)

    def _write(self, name: str, lanes: int) -> Emitter:
        """The function; again for fewer registers, where its loops need more than there are."""
        axes, registers = [*map(list, self.nest.axes)], self.target.vector_registers
        e = self._written(name, lanes)
        while e.alive > registers and self.loops.abreast > 1:
            self.nest.take([*map(list, axes)])
            e = self._written(name, lanes, self.loops.abreast - 1)
        if e.has_functions and e.alive + e.constants > registers:
            self.nest.take([*map(list, axes)])
            return self._written(name, lanes, self.loops.abreast, far_constants=True)
        return e

    def _written(
        self, name: str, lanes: int, abreast: int = WIDEST, far_constants: bool = False
    ) -> Emitter:
        """The function.

        Args:
            abreast: vectors side by side, at most.
            far_constants: whether functions read their constants where they use them.
        """
        registers = self.target.vector_registers
        self.e = Emitter(name, [], lanes, fused=self.target.fused, registers=registers)
        self.e.far_constants = far_constants
        self.emission = Emission(self.e, self.places, self.partials)
        self.results: list[tuple[Node, Any, Value]] = []
        self.read = self._parameters_read() if self.e.crowded else set()
        self.loops = NestLoops(self.nest, self.places, lanes, abreast)
        self.vector = self.loops.vector
        self.registers: list[dict[int, Value]] = [{} for _ in range(self.loops.abreast)]
        self._outer_loops()
        return self.e

    def _parameters_read(self) -> set[str]:
        """The names of those that the nest reads, but for what it makes itself."""
        nest, places = self.nest, self.places
        made = [unit.node for unit in nest.units]
        reads = [r.node for unit in nest.units for r in nest.reads_of(unit, places.stored)]
        return {places.of(node).name for node in reads if node not in made}

    # -- loops -----------------------------------------------------------------------------

    def _outer_loops(self) -> None:
        with ExitStack() as stack:
            lead = self.loops.lead
            if lead:
                self._lead(stack, lead)
            self._within(self.loops.outer[len(lead) :], self._phases)

    def _within(self, variables: list[Var], body: Callable[[], None]) -> None:
        """Loops around a body, the outermost first."""
        if not variables:
            body()
            return
        var, *others = variables
        ranges = self._ranges(var)
        for part in ranges:
            if len(ranges) > 1:
                self.emission.forget()
            with self._loop(var, *part):
                self._within(others, body)

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

    def _ranges(self, var: Var) -> list[Range]:
        """The loops over one variable: one, or one of whole vectors and one of the rest."""
        e, size = self.e, var.size
        if var is not self.vector:
            return [(0, size, None)]
        low: int | Value = 0
        high: int | Value = size
        if self.loops.cut_lanes and self.chunks > 1:
            first, last = self._share(-(-size // e.lanes))
            low, high = (
                e.multiply(e.as_value(first), e.int(e.lanes)),
                e.multiply(e.as_value(last), e.int(e.lanes)),
            )
        rest = size % e.lanes
        if self.target.masked or not rest or size < 2 * e.lanes:
            return [(low, high, size if rest else None)]
        whole = size - rest
        end = whole if isinstance(high, int) else e.intrinsic("smin", high, e.int(whole))
        return [(low, end, None), (whole, high, size)]

    @contextmanager
    def _loop(
        self, var: Var, low: int | Value, high: int | Value, limit: int | None
    ) -> Iterator[None]:
        """A loop over one variable, by vectors if the lanes run along it.

        Args: limit: where the last vector is cut.
        """
        e, tails = self.e, self.emission.tails
        with e.over(var, low, high, e.lanes if var is self.vector else 1):
            if limit is not None and isinstance(low, int) and limit - low < e.lanes:
                tails[var] = prefix(e.lanes, limit - low)
            elif limit is not None:
                lane = self.emission.position(Affine.of(var), "i32")
                tails[var] = e.compare("slt", lane, e.constant("i32", limit, e.lanes))
            yield
        tails.pop(var, None)

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

        def body() -> None:
            for slots, _ in zip(totals, self._vectors(), strict=True):
                self._body(units, slots)

        self._within(self.loops.inner, body)
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
        if self.places.is_local(node):
            return
        if self.e.crowded and self.places.of(node).name not in self.read:
            self.emission.write_at(node, index, value)
        else:
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
