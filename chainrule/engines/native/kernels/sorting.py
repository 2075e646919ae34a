"""Order: Argsort by merging, TopPositions by insertion, SearchSorted by halving.

Elements are compared by keys: whole numbers in the same order, nan after all others.
"""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.kernels.lines import LinesCode
from chainrule.engines.native.kernels.own_code import OwnCode, axis_vars, index_of
from chainrule.engines.native.running.program import SCRATCH

MOST_KEPT = 128  # positions that are found by insertion


def key_kind(dtype: np.dtype) -> str:
    return "i64" if dtype.itemsize == 8 else "i32"


def key_of(e: Emitter, value: Value, dtype: np.dtype, backwards: bool) -> Value:
    """A whole number that says where an element stands in the order."""
    kind = key_kind(dtype)
    if value.kind in ("float", "double"):
        key = _of_float(e, value, kind)
    elif value.kind == kind:
        key = value
    else:
        key = e.convert("zext" if dtype.kind in "bu" else "sext", value, kind)
    return e.binary("xor", key, e.constant(kind, -1)) if backwards else key


def _of_float(e: Emitter, value: Value, kind: str) -> Value:
    """Below zero the bits after the sign are turned round; -0 is 0."""
    width = 64 if kind == "i64" else 32
    most = e.constant(kind, (1 << width - 1) - 1)
    bits = e.convert("bitcast", e.add(value, e.constant(value.kind, 0.0)), kind)
    sign = e.binary("ashr", bits, e.constant(kind, width - 1))
    key = e.binary("xor", bits, e.binary("and", sign, most))
    return e.select(e.compare("uno", value, value), most, key)


class _Lists:
    """Keys and positions in the scratch memory."""

    def __init__(self, e: Emitter, kind: str, size: int) -> None:
        self.e, self.kind, self.size = e, kind, size
        self.positions = e.step(e.scratch, e.int(2 * size), kind)

    def get(self, place: Value) -> tuple[Value, Value]:
        return self.key(place), self.position(place)

    def key(self, place: Value) -> Value:
        e = self.e
        return e.load(e.step(e.scratch, place, self.kind), self.kind, fixed=False)

    def position(self, place: Value) -> Value:
        e = self.e
        return e.load(e.step(self.positions, place, "i32"), "i32", fixed=False)

    def put(self, place: Value, key: Value, position: Value) -> None:
        e = self.e
        e.store(key, e.step(e.scratch, place, self.kind))
        e.store(position, e.step(self.positions, place, "i32"))


class ArgsortCode(LinesCode):
    """Argsort: runs of 1, 2, 4, … elements are merged two by two, from one half of the lists
    to the other and back; equal elements keep their order."""

    def body(self) -> None:
        self.lanes = 1
        super().body()

    def line(self) -> None:
        e, size = self.e, self.along.size
        self.lists = _Lists(e, key_kind(self.x.dtype), size)
        with e.over(self.along):
            at = self.emission.position(Affine.of(self.along))
            backwards = self.node.params["descending"]
            key = key_of(e, self.element(), self.x.dtype, backwards)
            self.lists.put(at, key, e.convert("trunc", at, "i32"))
        passes = (size - 1).bit_length()
        with e.loop(0, passes) as step:
            self._merge_all(step)
        with e.over(self.along):
            at = self.emission.position(Affine.of(self.along) + passes % 2 * size)
            self.store(self.index(), e.convert("sext", self.lists.position(at), "i64"))

    def _merge_all(self, step: Value) -> None:
        """One pass over the line."""
        e, size = self.e, self.e.int(self.along.size)
        one = e.int(1)
        back = e.binary("and", step, one)
        source = e.multiply(back, size)
        target = e.multiply(e.binary("xor", back, one), size)
        double = e.add(step, one)
        width = e.binary("shl", one, step)
        rounded_up = e.add(size, e.subtract(e.binary("shl", one, double), one))
        pairs = e.binary("lshr", rounded_up, double)
        with e.loop(0, pairs) as pair:
            first = e.binary("shl", pair, double)
            middle = _least(e, e.add(first, width), size)
            last = _least(e, e.add(middle, width), size)
            self._merge(source, target, first, middle, last)

    def _merge(
        self, source: Value, target: Value, first: Value, middle: Value, last: Value
    ) -> None:
        e, end = self.e, self.e.int(self.along.size - 1)
        left, right = e.slot(first), e.slot(middle)
        with e.loop(first, last) as at:
            i, j = e.get(left), e.get(right)
            a = self.lists.key(e.add(source, _least(e, i, end)))
            b = self.lists.key(e.add(source, _least(e, j, end)))
            spent = e.compare("sge", i, middle)
            second = e.binary("or", spent, e.compare("slt", b, a))
            second = e.binary("and", second, e.compare("slt", j, last))
            position = self.lists.position(e.add(source, e.select(second, j, i)))
            self.lists.put(e.add(target, at), e.select(second, b, a), position)
            step = e.convert("zext", second, "i64")
            e.put(right, e.add(j, step))
            e.put(left, e.add(i, e.binary("xor", step, e.int(1))))


class TopCode(LinesCode):
    """TopPositions: the best so far stand in order, and each element that is better than the
    last of them is put in its place. Of equal elements the later are larger."""

    def body(self) -> None:
        self.lanes = 1
        super().body()

    def line(self) -> None:
        e, kept = self.e, self.node.params["k"]
        self.lists = _Lists(e, key_kind(self.x.dtype), kept)
        worst = e.slot(e.constant(key_kind(self.x.dtype), 0))
        with e.over(self.along):
            at = self.emission.position(Affine.of(self.along))
            largest = self.node.params["largest"]
            key = key_of(e, self.element(), self.x.dtype, largest)
            better = self._goes_before(key, e.get(worst))
            with self.when(e.binary("or", better, e.compare("slt", at, e.int(kept)))):
                self._insert(at, key)
                e.put(worst, self.lists.key(e.int(kept - 1)))
        place = Var("place", kept)
        with e.over(place):
            found = self.lists.position(self.emission.position(Affine.of(place)))
            self.store(self.index(Affine.of(place)), e.convert("sext", found, "i64"))

    def _goes_before(self, a: Value, b: Value) -> Value:
        return self.e.compare("sle" if self.node.params["largest"] else "slt", a, b)

    def _insert(self, at: Value, key: Value) -> None:
        """Put an element among the best, and move those behind it on by one."""
        e = self.e
        moved, position = e.slot(key), e.slot(e.convert("trunc", at, "i32"))
        is_in = e.slot(e.constant("i1", 0))
        with e.loop(0, _least(e, e.add(at, e.int(1)), e.int(self.lists.size))) as place:
            old_key, old_position = self.lists.get(place)
            new_key, new_position = e.get(moved), e.get(position)
            before = e.binary("or", self._goes_before(key, old_key), e.compare("eq", place, at))
            before = e.binary("or", before, e.get(is_in))
            self.lists.put(place, e.select(before, new_key, old_key),
                           e.select(before, new_position, old_position))  # fmt: skip
            e.put(moved, e.select(before, old_key, new_key))
            e.put(position, e.select(before, old_position, new_position))
            e.put(is_in, before)


class SearchCode(OwnCode):
    """SearchSorted: the part of the sequence where a value may belong is halved."""

    def body(self) -> None:
        e, (sequence, values) = self.e, self.node.inputs
        self.narrow(1)
        size, variables = sequence.shape[-1], axis_vars(values.shape)
        flat = Var("flat", values.size)
        low, high = self.cut(flat.size, 8 * values.size * size.bit_length())
        with e.over(flat, low, high):
            rest = self.emission.position(Affine.of(flat))
            for var in reversed(variables):
                var.value = e.binary("urem", rest, e.int(var.size))
                rest = e.binary("udiv", rest, e.int(var.size))
            index = index_of(variables)
            rows = index[:-1] if len(sequence.shape) > 1 else ()
            self.store(index, self._place(sequence, self.read(values, index), rows))

    def _place(self, sequence: Node, value: Value, rows: tuple[Affine, ...]) -> Value:
        e, size = self.e, sequence.shape[-1]
        low, high = e.slot(e.int(0)), e.slot(e.int(size))
        with e.loop(0, size.bit_length()):
            first, last = e.get(low), e.get(high)
            middle = e.binary("lshr", e.add(first, last), e.int(1))
            at = Var("middle", size, _least(e, middle, e.int(size - 1)), is_loop=False)
            found = self.read(sequence, (*rows, Affine(0, {at: 1})))
            beyond = self._is_beyond(found, value, len(sequence.shape) == 1)
            beyond = e.binary("and", beyond, e.compare("slt", first, last))
            e.put(low, e.select(beyond, e.add(middle, e.int(1)), first))
            e.put(high, e.select(beyond, last, middle))
        return e.get(low)

    def _is_beyond(self, found: Value, value: Value, vector: bool) -> Value:
        """Whether the value belongs behind what was found. In one vector nan is the last of
        all; in rows it belongs to the end, where nothing compares with it."""
        e, right = self.e, self.node.params["right"]
        if found.kind not in ("float", "double"):
            sign = "u" if self.node.inputs[0].dtype.kind in "bu" else "s"
            return e.compare(sign + ("le" if right else "lt"), found, value)
        if not vector:
            return e.compare("ule" if right else "ult", found, value)
        first, second = (value, found) if right else (found, value)
        only_second = e.binary(
            "and", e.compare("ord", first, first), e.compare("uno", second, second)
        )
        less = e.binary("or", e.compare("olt", first, second), only_second)
        return e.binary("xor", less, e.constant("i1", 1)) if right else less


def _least(e: Emitter, a: Value, b: Value) -> Value:
    return e.select(e.compare("slt", a, b), a, b)


def fits(node: Node) -> bool:
    """Whether the lists of a line fit into the scratch memory."""
    x = node.inputs[0]
    size = x.shape[node.params["axis"]]
    item = 8 if x.dtype.itemsize == 8 else 4
    return 2 * size * (item + 4) <= SCRATCH


def is_few(node: Node) -> bool:
    return 0 < node.params["k"] <= MOST_KEPT
