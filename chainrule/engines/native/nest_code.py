"""The code of a nest: which loops run how, and where the lanes go."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from chainrule import dtypes
from chainrule.engines.native.affine import Affine, SplitNeeded, Undecided, Var
from chainrule.engines.native.contraction.lanes import prefix
from chainrule.engines.native.emission import Emission, NotVectorizable, Place
from chainrule.engines.native.emitter import Emitter, Slot, Value
from chainrule.engines.native.expression import NeedsMemory
from chainrule.engines.native.nest import Nest, Unit
from chainrule.engines.native.nodes import Node
from chainrule.engines.native.storing import own_cost
from chainrule.engines.native.totals import across, combined, neutral

CHUNK = 1 << 16  # the work of one chunk, about, in additions of one element
MOST_CHUNKS = 64
TASKS = 8  # rows or blocks of columns, at least, that threads can share
SLOTS = 12  # accumulators, at most
WIDEST = 6  # vectors side by side, at most


class NestCode:
    """Writes a nest with an emitter; `place` says where stored nodes lie."""

    def __init__(
        self,
        nest: Nest,
        stored: set[int],
        local: set[int],
        place: Callable[[Node], Place],
        lanes: int,
        fused: bool,
    ) -> None:
        self.nest, self.stored, self.local, self.place = nest, stored, local, place
        self.lanes, self.fused = lanes, fused
        self.partials: dict[int, list[Place]] = {}  # by id of a product: its parts
        self.chunks = 1

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
        while True:
            try:
                return self._write(name, self.lanes)
            except SplitNeeded as split:
                self.nest.split(split.var, split.inner)
            except NotVectorizable:
                return self._write_scalar(name)

    def _joins_axes(self) -> bool:
        """Make long loops of short ones, where all lies one behind the other."""
        if len(self.nest.space) < 2 or not self.nest.is_plain(self.stored):
            return False
        try:
            steps = [terms for terms, _ in self._strides()]
        except SplitNeeded:
            return False
        return self.nest.joined([dict(terms) for terms in steps])

    def _write_scalar(self, name: str) -> Emitter:
        while True:
            try:
                return self._write(name, 1)
            except SplitNeeded as split:
                self.nest.split(split.var, split.inner)

    def _write(self, name: str, lanes: int) -> Emitter:
        self.e = Emitter(name, [], lanes, fused=self.fused)
        self.emission = Emission(self.e, self._is_stored, self.place)
        self.emission.partials = self.partials
        self.results: list[tuple[Node, Any, Value]] = []
        self._plan(lanes)
        self.registers: list[dict[int, Value]] = [{} for _ in range(self.abreast)]
        with self._outer_loops():
            self._phases()
        return self.e

    def _is_stored(self, node: Node) -> bool:
        return id(node) in self.stored

    # -- the shape of the loops ------------------------------------------------------------

    def _plan(self, lanes: int) -> None:
        nest = self.nest
        self.loop_of = nest.loops(self.stored)
        outer = [var for k in nest.outer for var in nest.axes[k] if var.size != 1]
        inner = [var for k in nest.inner for var in nest.axes[k] if var.size != 1]
        strides = self._strides()
        for var in (*outer, *inner):
            var.vector, var.value = False, None
        self.vector = self._lane_variable(outer, inner, strides) if lanes > 1 else None
        order = self._order(strides)
        outer.sort(key=order.__getitem__, reverse=True)
        inner.sort(key=order.__getitem__, reverse=True)
        if not nest.inner and self.vector is not None:  # a map: its last loop is the inner one
            outer.remove(self.vector)
            inner = [self.vector]
        if self.vector is not None:
            self.vector.vector = True
            group = outer if self.vector in outer else inner
            group.remove(self.vector)
            group.append(self.vector)
        self.outer, self.inner = outer, inner
        self._widen()
        self._cut_into_chunks()

    def _widen(self) -> None:
        """Sums of columns: several vectors side by side, so that whole lines of memory are read
        and no addition waits for the last one."""
        self.abreast = 1
        vector, outer = self.vector, self.outer
        if vector not in outer or not self.nest.inner:
            return
        count = -(-vector.size // self.lanes)
        sums = sum(unit.is_reduction for unit in self.nest.units)
        rows = math.prod(var.size for var in outer if var is not vector)
        fitting = [n for n in (count, 4, 3, 2)
                   if n * sums <= SLOTS and n <= WIDEST and count // n * rows >= TASKS
                   and (n == count or vector.size % (n * self.lanes) == 0)]  # fmt: skip
        self.abreast = max(fitting, default=1)
        if self.abreast == count > 1:
            outer.remove(vector)
        elif self.abreast > 1:
            around, within = self.nest.split(vector, self.abreast * self.lanes)
            outer[outer.index(vector)] = around
            self.vector, within.vector = within, True

    def _vectors(self) -> Iterator[None]:
        """For each of the vectors side by side; each has registers of its own."""
        if self.abreast == 1:
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

    def _strides(self) -> list[tuple[dict[Var, int], int]]:
        """How far each access moves with each variable, and how much it weighs."""
        found = []
        for unit in self.nest.units:
            accesses = [(r.node, r.position) for r in self.nest.reads_of(unit, self.stored)]
            accesses.append((unit.node, self.nest.position(unit)))
            for node, position in accesses:
                forms = self._physical(node, position, unit)
                found.append((forms.terms, max(1, len(forms.terms))))
        return found

    def _physical(self, node: Node, position: Affine, unit: Unit) -> Affine:
        """The form with the strides that the node has in memory."""
        place = self.place(node)
        if place.row_major:
            return position
        form, rest = Affine(), position
        for n, stride in zip(reversed(node.shape), reversed(place.strides), strict=True):
            try:
                rest, at = (rest, Affine()) if n == 1 else rest.divided(n)
            except SplitNeeded:
                raise
            except Exception:  # a quotient that is taken by code: its order does not matter
                return form
            form = form + at * stride
        return form

    def _lane_variable(
        self, outer: list[Var], inner: list[Var], strides: list[tuple[dict[Var, int], int]]
    ) -> Var | None:
        """The variable along which most accesses are contiguous."""
        best, most = None, 0.0
        for var in (*outer, *inner):
            score = 0.5 * min(var.size, 64) / 64 + sum(
                weight if terms.get(var) in (1, -1) else -weight if var in terms else 0
                for terms, weight in strides
            )
            if best is None or score >= most:
                best, most = var, score
        return best

    def _order(self, strides: list[tuple[dict[Var, int], int]]) -> dict[Var, tuple]:
        """Far strides are for the outer loops."""
        variables = [v for k in range(len(self.nest.space)) for v in self.nest.axes[k]]
        result = {}
        for place, var in enumerate(variables):
            steps = [abs(terms[var]) for terms, _ in strides if var in terms]
            result[var] = (sorted(steps)[len(steps) // 2] if steps else 0, -place)
        return result

    def _work(self) -> int:
        """Of the whole nest, in additions."""
        price = sum(3 + self._price(u.node, set()) for u in self.nest.units)
        return math.prod(self.nest.space) * max(2, price)

    def _price(self, node: Node, seen: set[int]) -> int:
        total = own_cost(node)
        for x in node.inputs:
            if id(x) not in self.stored and id(x) not in seen:
                seen.add(id(x))
                total += self._price(x, seen)
        return total

    def _cut_into_chunks(self) -> None:
        """The outermost loops are taken together and cut into chunks."""
        wanted = max(1, min(MOST_CHUNKS, self._work() // CHUNK))
        self.lead: list[Var] = []
        rows = 1
        for var in self.outer:
            if rows >= wanted or var is self.vector:
                break
            self.lead.append(var)
            rows *= var.size
        self.rows = rows
        if self.lead and rows > 1:
            self.chunks = min(wanted, rows)
            self.cut_lanes = False
            return
        self.lead = []
        loop = self.outer[0] if self.outer else None
        if loop is None and not self.nest.inner and self.inner:
            loop = self.inner[0]
        self.cut_lanes = loop is not None and loop is self.vector
        blocks = -(-loop.size // self.lanes) if self.cut_lanes and loop else 1
        self.chunks = min(wanted, blocks)

    # -- loops -----------------------------------------------------------------------------

    @contextmanager
    def _outer_loops(self) -> Iterator[None]:
        with ExitStack() as stack:
            if self.lead:
                self._lead(stack)
            for var in self.outer[len(self.lead) :]:
                stack.enter_context(self._loop(var))
            yield

    def _lead(self, stack: ExitStack) -> None:
        """One loop over the chunk's share of the leading axes."""
        low, high = self._share(self.rows)
        row = stack.enter_context(self.e.loop(low, high, 1, "row"))
        for var in reversed(self.lead[1:]):
            size = self.e.int(var.size)
            var.value = self.e.binary("urem", row, size)
            row = self.e.binary("udiv", row, size)
        self.lead[0].value = row

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
        if self.cut_lanes and self.chunks > 1:
            first, last = self._share(-(-var.size // e.lanes))
            low, high = (
                e.multiply(_value(e, first), e.int(e.lanes)),
                e.multiply(_value(e, last), e.int(e.lanes)),
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

    # -- what is computed ------------------------------------------------------------------

    def _phases(self) -> None:
        units = self.nest.units
        last = max(self.loop_of.values(), default=0)
        for time in range(last + 1):
            now = [u for u in units if self.loop_of[id(u.node)] == time]
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
            for _ in range(self.abreast)
        ]
        with ExitStack() as stack:
            for var in self.inner:
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
        if id(node) not in self.local:
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
        if self.vector in self.inner and self.vector in self.emission.tails:
            total = e.select(self.emission.tails[self.vector], total, e.get(slot))
        e.put(slot, total)

    def _finish(self, unit: Unit, slot: Slot) -> None:
        node, e = unit.node, self.e
        total = e.get(slot)
        if slot.lanes > 1 and self.vector in self.inner:
            total = across(e, node, total)
        if node.dtype in dtypes.HALVES:
            total = self.emission.rounded(total, node.dtype)
        self.emission.registers[id(node)] = total
        if id(node) in self.local:
            return
        forms = self.nest.forms()
        kept = iter([forms[k] for k in self.nest.outer])
        index = tuple([Affine() if n == 1 else next(kept) for n in node.shape])
        self.emission.write_at(node, index, total)


def _value(e: Emitter, number: int | Value) -> Value:
    return e.int(number) if isinstance(number, int) else number
