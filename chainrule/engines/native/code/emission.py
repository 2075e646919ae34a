"""The walk that writes code: each value becomes a scalar or a vector of lanes.

The lanes run along the variable of one loop (`Var.vector`). What moves with it by one element
is read as a vector, what stands still as a scalar, anything else lane by lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.engines.native.code.places import Place, Places
from chainrule.engines.native.code.tables import table
from chainrule.engines.native.code.window_code import seen_by_window
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Undecided, Var
from chainrule.engines.native.graph.expression import Tap, Walk, Where
from chainrule.engines.native.graph.inlining import own_cost
from chainrule.engines.native.graph.nodes import (
    CONSTANT,
    PRODUCT,
    TABLE,
    Node,
)
from chainrule.engines.native.graph.views import Index
from chainrule.engines.native.pointwise import lower
from chainrule.engines.native.pointwise.kinds import KINDS, narrow, rounded, widen
from chainrule.ops.checking import InRange

FUNCTION = 10  # what a function costs, at least, that has many constants


class NotVectorizable(Exception):
    """The lanes would run through a quotient: one element at a time instead."""


class Emission(Walk):
    """Writes the code for values at indices.

    Args: partials: by id of a product: where its partial results lie, which are added up.
    """

    def __init__(
        self, emitter: Emitter, places: Places,
        partials: Mapping[int, list[Place]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(places.is_stored)
        self.e, self.places, self.partials = emitter, places, partials or {}
        self.lanes = emitter.lanes  # the elements of one vector, here
        self.tails: dict[Var, Value] = {}  # which lanes exist, where the last vector is cut
        self.registers: dict[int, Value] = {}  # by id: results that are not read from memory
        self._known: dict[tuple, tuple[Value, Any]] = {}

    def value(self, node: Node, index: Index, where: Where = ()) -> Value:
        if id(node) in self.registers:
            return self.registers[id(node)]
        key = (id(node), index, where)
        found = self._known.get(key)
        if found is not None and self._still_there(*found):
            return found[0]
        value = super().value(node, index, where)
        self._known[key] = (value, self.e.scopes[value.level])
        return value

    def forget(self) -> None:
        """The variables of the loops have other values from here on."""
        self._known.clear()

    def _still_there(self, value: Value, scope: Any) -> bool:
        scopes = self.e.scopes
        return value.level < len(scopes) and scopes[value.level] is scope

    def compute(self, node: Node, index: Index, where: Where = ()) -> Value:
        if node.op is PRODUCT:
            return self._total(node, index)
        return super().compute(node, index, where)

    def _total(self, node: Node, index: Index) -> Value:
        """The sum of the partial results of a product."""
        total = None
        for place in self.partials[id(node)]:
            value = self.read(node.dtype, place, place.at(index), ())
            total = value if total is None else self.e.add(total, value)
        assert total is not None
        return total

    # -- reading ---------------------------------------------------------------------------

    def leaf(self, node: Node, index: Index, where: Where) -> Value:
        if node.op is CONSTANT and node.shape == ():
            return self.number(node.array[()], node.dtype)  # type: ignore[index]
        place = self._place(node)
        return self.read(node.dtype, place, place.at(index), where)

    def _place(self, node: Node) -> Place:
        if TABLE not in node.params:
            return self.places.of(node)
        name, strides = table(self.e, node)
        return Place(name, strides, row_major=True)

    def leaf_flat(self, node: Node, position: Affine, where: Where) -> Value:
        if id(node) in self.registers:
            return self.registers[id(node)]
        place = self._place(node)
        return self.read(node.dtype, place, position + place.offset, where)

    def is_row_major(self, node: Node) -> bool:
        return self.places.of(node).row_major

    def read(self, dtype: np.dtype, place: Place, form: Affine, where: Where) -> Value:
        """The elements at a form, zero where the conditions do not hold."""
        e, kind = self.e, KINDS[dtype]
        pointer = e.pointer(place.name)
        step, scattered = self.stride(form)
        if not step and not scattered:
            mask = self.condition([w for w in where if not self._moves(w[0])])
            value = e.load(e.address(pointer, form, kind), kind, 1, mask, place.fixed)
            return widen(e, value, dtype)
        mask = e.both(self.condition(where), self._tail(form))
        mask = None if mask is None else e.widened(mask, self.lanes)
        if step == 1 and not scattered:
            address = e.address(pointer, form, kind)
            value = e.load(address, kind, self.lanes, mask, place.fixed)
        else:
            addresses = e.addresses(pointer, self.position(form), kind)
            value = e.gather(addresses, kind, mask, place.fixed)
        return widen(e, value, dtype)

    def stride(self, form: Affine) -> tuple[int, bool]:
        """How far the form moves from lane to lane, and whether by no fixed amount."""
        if self.lanes == 1:
            return 0, False
        step = sum(factor for var, factor in form.terms.items() if var.vector)
        scattered = any(v.value is not None and v.value.lanes > 1 for v in form.terms)
        return step, scattered

    def _moves(self, form: Affine) -> bool:
        return self.stride(form) != (0, False)

    def _tail(self, form: Affine) -> Value | None:
        masks = [self.tails[var] for var in form.terms if var in self.tails]
        return masks[0] if masks else next(iter(self.tails.values()), None)

    def position(self, form: Affine, kind: str = "i64") -> Value:
        """The number that a form has, in each lane its own if it moves with them."""
        e, total = self.e, Affine(form.const)
        moving: list[Value] = []
        for var, factor in form.terms.items():
            if var.value.lanes > 1:
                moving.append(e.multiply(var.value, e.constant("i64", factor, self.lanes)))
            else:
                total = total + Affine(0, {var: factor})
                if var.vector:
                    steps = e.multiply(
                        e.counting("i64", self.lanes), e.constant("i64", factor, self.lanes)
                    )
                    moving.append(steps)
        value = e.offset(total)
        for part in moving:
            value = e.add(e.widened(value, self.lanes), part)
        return value if kind == "i64" else e.convert("trunc", value, kind)

    def condition(self, where: Any) -> Value | None:
        """Whether all conditions hold; None if there are none."""
        e, result = self.e, None
        for form, low, high in where:
            number = self.position(form, "i32")
            if form.low < low:
                limit = e.constant("i32", low, number.lanes)
                result = e.both(result, e.compare("sge", number, limit))
            if form.high >= high:
                limit = e.constant("i32", high, number.lanes)
                result = e.both(result, e.compare("slt", number, limit))
        return result

    # -- computing -------------------------------------------------------------------------

    def number(self, value: Any, dtype: np.dtype) -> Value:
        array = np.asarray(value)
        if dtype in dtypes.HALVES:
            wide = dtypes.cast(dtypes.cast(array, dtype), np.dtype(np.float32))
            return self.e.constant("float", float(wide))
        return self.e.constant(KINDS[dtype], array.astype(dtype).item())

    def counted(self, node: Node, form: Affine) -> Value:
        p, e = node.params, self.e
        whole = isinstance(p["start"], int) and isinstance(p["step"], int)
        number = self.position(form * p["step"] + p["start"] if whole else form)
        source = "i64"
        if not whole:
            steps = e.convert("sitofp", number, "double")
            number = e.add(
                e.multiply(steps, e.constant("double", p["step"])),
                e.constant("double", p["start"]),
            )
            source = "double"
        return self._as(number, source, node.dtype)

    def _as(self, number: Value, source: str, dtype: np.dtype) -> Value:
        """A count in another type."""
        e, kind = self.e, "float" if dtype in dtypes.HALVES else KINDS[dtype]
        if kind != source:
            if kind in ("float", "double"):
                word = "sitofp" if source == "i64" else "fptrunc"
            elif source == "double":
                number, word = e.convert("fptosi", number, "i64"), "trunc"
            else:
                word = "trunc"
            number = number if number.kind == kind else e.convert(word, number, kind)
        return rounded(e, number, dtype) if dtype in dtypes.HALVES else number

    def apply(self, node: Node, values: list[Value]) -> Value:
        types = [x.dtype for x in node.inputs]
        with self.e.function() if own_cost(node) >= FUNCTION else nullcontext():
            value = lower(self.e, node.op, values, types, node.params)
        return rounded(self.e, value, node.dtype) if node.dtype in dtypes.HALVES else value

    def rounded(self, value: Value, dtype: np.dtype) -> Value:
        return rounded(self.e, value, dtype)

    def choose(self, where: Where, inside: Value, outside: Value) -> Value:
        condition = self.condition(where)
        return inside if condition is None else self.e.select(condition, inside, outside)

    def quotient(self, form: Affine, divisor: int) -> tuple[Affine, Affine]:
        try:
            return form.divided(divisor)
        except Undecided:
            if self._moves(form):
                raise NotVectorizable from None
            lift = -(min(0, form.low) // divisor)  # what is divided must not be negative
            whole, rest = self._divided_by_code(form + lift * divisor, divisor)
            return whole - lift, rest

    def _divided_by_code(self, form: Affine, divisor: int) -> tuple[Affine, Affine]:
        e = self.e
        number, by = e.offset(form), e.int(divisor)
        whole = Var("quotient", form.high // divisor + 1, e.binary("udiv", number, by),
                    is_loop=False)  # fmt: skip
        rest = Var("rest", divisor, e.binary("urem", number, by), is_loop=False)
        return Affine(0, {whole: 1}), Affine(0, {rest: 1})

    # -- what can go wrong -----------------------------------------------------------------

    def dynamic(self, node: Node, value: Value, size: int, wraps: bool) -> Var:
        e = self.e
        place = value if value.kind == "i64" else e.convert("sext", value, "i64")
        zero, limit = e.constant("i64", 0, place.lanes), e.constant("i64", size, place.lanes)
        wrapped = place
        if wraps:
            below = e.compare("slt", place, zero)
            wrapped = e.select(below, e.binary("add", place, limit), place)
        valid = e.compare("ult", wrapped, limit)
        self.demand(valid)
        return Var("looked_up", size, e.select(valid, wrapped, zero), is_loop=False)

    def check(self, node: Node, value: Value) -> Value:
        e = self.e
        if node.op is InRange:
            if value.kind in ("float", "double"):
                low = e.compare("oge", value, e.constant(value.kind, 0))
                limit = e.constant(value.kind, node.params["limit"])
                self.demand(e.both(low, e.compare("olt", value, limit)))
            else:
                limit = e.constant(value.kind, node.params["limit"])
                self.demand(e.compare("ult", value, limit))
        else:
            low = e.compare("oge", value, e.constant(value.kind, 0))
            high = e.compare("ole", value, e.constant(value.kind, 1))
            self.demand(e.both(low, high))
        return value

    def demand(self, valid: Value | None) -> None:
        """Where this does not hold in all lanes, the program stops before it writes results."""
        assert valid is not None
        e = self.e
        wrong = e.binary("xor", valid, e.constant("i1", 1, valid.lanes))
        if valid.lanes > 1 and self.tails:
            wrong = e.binary("and", wrong, next(iter(self.tails.values())))
        if wrong.lanes > 1:
            name = f"llvm.vector.reduce.or.v{wrong.lanes}i1"
            wrong = e.call(name, "i1", 1, wrong)
        status, aside = e.pointer("status"), e.scratch
        place = e.pure(
            f"select i1 {wrong.name}, ptr {status.name}, ptr {aside.name}", "ptr", 1, wrong
        )
        e.effect_at(wrong.level, f"store i64 1, ptr {place.name}")

    def window(self, node: Node, taps: list[Tap], index: Index, where: Where) -> Value:
        return seen_by_window(self, node, taps, where)

    # -- writing ---------------------------------------------------------------------------

    def write_at(self, node: Node, index: Index, value: Value) -> None:
        """Put a value into the memory of a stored node."""
        place = self.places.of(node)
        self.write(value, node.dtype, place, place.at(index))

    def write(self, value: Value, dtype: np.dtype, place: Place, form: Affine) -> None:
        """Store a value at a form of a stored node's memory."""
        e, kind = self.e, KINDS[dtype]
        value = narrow(e, value, dtype)
        pointer = e.pointer(place.name)
        step, scattered = self.stride(form)
        if not step and not scattered:
            e.store(value, e.address(pointer, form, kind))
            return
        value, mask = e.widened(value, self.lanes), self._tail(form)
        if step == 1 and not scattered:
            e.store(value, e.address(pointer, form, kind), mask)
        else:
            e.scatter(value, e.addresses(pointer, self.position(form), kind), mask)
