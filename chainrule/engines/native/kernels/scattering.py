"""Elements added to, or put at, places that are looked up.

    y = x
    for each place k of the indices, in order:
        y[…, index[k], …] += v[k, …]

Each chunk owns a part of y, so that sums do not depend on the threads: a range of an axis on
which no index tensor stands (a *free* one), or a range of the places; of the k it then takes
those whose place is in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from chainrule import shapes
from chainrule.engines.native.code.totals import extreme
from chainrule.engines.native.emitter import Value
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.graph.views import Index, broadcast, is_zero
from chainrule.engines.native.kernels.own_code import (
    MOST_CHUNKS,
    Number,
    OwnCode,
    axis_vars,
    index_of,
    plus,
    smaller,
    times,
)
from chainrule.ops.indexing import IndexAdd, ScatterAdd
from chainrule.ops.scattering import ScatterAmax, ScatterAmin, ScatterMultiply

SHORTEST = 4  # the least size of an axis along which vectors run
SCAN = 32  # looking at one index costs as much as so many elements
BLOCK = 64  # elements that a chunk has of the last axis, at least


@dataclass(slots=True)
class Lookup:
    """An axis whose place is looked up."""

    axis: int
    node: Node
    index: Index
    wraps: bool


class ScatteringCode(OwnCode):
    """The family; subclasses say what the loops are."""

    order: list[tuple[int, Var]]  # the loops over v: axes of x; -1 for those over places
    lookups: list[Lookup]
    parts: Index  # of v
    by_place: bool  # whether a range of places may be a chunk's part

    def body(self) -> None:
        self.x, self.v = self.node.inputs[0], self.operand()
        self.plan()
        self.free = {axis: var for axis, var in self.order if axis >= 0}
        self.vector = self._vector_axis()
        self.cut_axis = -1
        low, high = self._chunk()
        self._fill(low, high)
        if math.prod(var.size for _, var in self.order):
            self._scatter(low, high)

    def operand(self) -> Node:
        raise NotImplementedError

    def plan(self) -> None:
        raise NotImplementedError

    # -- chunks ------------------------------------------------------------------------------

    def _vector_axis(self) -> int:
        """The last axis, if it is free and the indices do not move with it; or -1."""
        axis = len(self.node.shape) - 1
        if axis not in self.free or self.free[axis].size < SHORTEST:
            return -1
        return -1 if self._looks_up(axis, self.free[axis]) else axis

    def _chunk(self) -> tuple[Number, Number]:
        """The chunk's part of the axis that is cut."""
        self.cut_axis, most = self._cut_axis()
        if self.cut_axis < 0:
            return 0, 0
        size = self.node.shape[self.cut_axis]
        unit = BLOCK if self.cut_axis == len(self.node.shape) - 1 else 1
        work = self.node.size + 2 * math.prod(var.size for _, var in self.order)
        low, high = self.cut(-(-size // unit), work, most)
        if self.chunks == 1:
            return 0, size
        low, high = [self.e.multiply(self.e.as_value(n), self.e.int(unit)) for n in (low, high)]
        return low, smaller(self.e, high, size)

    def _cut_axis(self) -> tuple[int, int]:
        """Which axis is cut, and into how many chunks at most: the first free one, or where
        places come first, theirs."""
        long = [axis for axis, var in self.order if var.size > 1]
        if self.by_place and long[:1] in ([], [-1]):
            slice_size = math.prod(var.size for var in self.free.values())
            return self.lookups[0].axis, slice_size // SCAN
        return next((axis for axis in long if axis >= 0), -1), MOST_CHUNKS

    # -- y = x -------------------------------------------------------------------------------

    def _fill(self, low: Number, high: Number) -> None:
        shape = self.node.shape
        variables = axis_vars(shape)
        self.narrow(shape[-1] if shape else 1)
        with ExitStack() as stack:
            for axis, var in enumerate(variables):
                ends = (low, high) if axis == self.cut_axis else (0, var.size)
                loop = self.vectors if axis == len(shape) - 1 else self.e.over
                stack.enter_context(loop(var, *ends))
            self.store(index_of(variables), self._start(index_of(variables)))

    def _start(self, index: Index) -> Value:
        if is_zero(self.x):
            return self.emission.number(0, self.x.dtype)
        return self.read(self.x, index)

    # -- y[index] += v -----------------------------------------------------------------------

    def _scatter(self, low: Number, high: Number) -> None:
        self.narrow(self.free[self.vector].size if self.vector >= 0 else 1)
        inner = self._first_inner()
        with ExitStack() as stack:
            self._enter(stack, self.order[:inner], low, high)
            target = self._target()
            if self.chunks > 1 and self.cut_axis == self.lookups[0].axis:
                place = next(iter(target[self.cut_axis].terms)).value
                within = [self.e.compare(word, place, self.e.as_value(end))
                          for word, end in (("sge", low), ("slt", high))]  # fmt: skip
                stack.enter_context(self.when(self.e.binary("and", *within)))
            self._enter(stack, self.order[inner:], low, high)
            self._combine(target)

    def _first_inner(self) -> int:
        """From which loop on the place that was looked up stays the same."""
        inner = len(self.order)
        while inner and not self._looks_up(*self.order[inner - 1]):
            inner -= 1
        return inner

    def _looks_up(self, axis: int, var: Var) -> bool:
        """Whether other places are looked up as a loop goes on."""
        return axis < 0 or any(var in form.terms for k in self.lookups for form in k.index)

    def _enter(
        self, stack: ExitStack, loops: list[tuple[int, Var]], low: Number, high: Number
    ) -> None:
        for axis, var in loops:
            ends: tuple[Number, Number] = 0, var.size
            if axis >= 0 and axis == self.cut_axis and self.chunks > 1:
                ends = low, smaller(self.e, high, var.size)
            loop = self.vectors if axis >= 0 and axis == self.vector else self.e.over
            stack.enter_context(loop(var, *ends))

    def _target(self) -> Index:
        """Where an element of v goes."""
        places = {}
        for lookup in self.lookups:
            found = self.read(lookup.node, lookup.index)
            size = self.node.shape[lookup.axis]
            var = self.emission.dynamic(self.node, found, size, lookup.wraps)
            places[lookup.axis] = Affine(0, {var: 1})
        return tuple([
            places[axis] if axis in places else Affine(0, {self.free[axis]: 1})
            for axis in range(len(self.node.shape))
        ])  # fmt: skip

    def _combine(self, target: Index) -> None:
        value = self.read(self.v, self.parts)
        if self.node.op in COMBINED:
            place = replace(self.places.of(self.node), fixed=False)
            old = self.emission.read(self.node.dtype, place, place.at(target), ())
            value = COMBINED[self.node.op](self, old, value)
        self.store(target, value)


class SlicesCode(ScatteringCode):
    """IndexAdd and IndexPut: whole slices at places of index tensors."""

    def operand(self) -> Node:
        return self.node.inputs[1]

    def plan(self) -> None:
        shape, axes = self.node.shape, self.node.params["axes"]
        indices = self.node.inputs[2:]
        drawn = shapes.broadcast(*[i.shape for i in indices])
        variables = [Var(f"k{i}", n) for i, n in enumerate(drawn)]
        free = [(axis, Var(f"i{axis}", n)) for axis, n in enumerate(shape) if axis not in axes]
        places = index_of(variables)
        self.lookups = [
            Lookup(axis, node, broadcast(places, node.shape), True)
            for axis, node in zip(axes, indices, strict=True)
        ]
        together = list(axes) == list(range(axes[0], axes[-1] + 1))
        at = axes[0] if together else 0
        self.order = [*free[:at], *[(-1, var) for var in variables], *free[at:]]
        self.parts = broadcast(index_of([var for _, var in self.order]), self.v.shape)
        self.by_place = True


class AlongAxisCode(ScatteringCode):
    """The scatters along an axis: one element at each place of the index."""

    def operand(self) -> Node:
        return self.node.inputs[2]

    def plan(self) -> None:
        index, along = self.node.inputs[1], self.node.params["axis"]
        variables = axis_vars(index.shape)
        self.order = [(-1 if axis == along else axis, v) for axis, v in enumerate(variables)]
        self.by_place = False
        self.parts = index_of(variables)
        self.lookups = [Lookup(along, index, self.parts, False)]


def larger(code: ScatteringCode, a: Value, b: Value) -> Value:
    return extreme(code.e, a, b, "gt", code.node.dtype.kind in "bu")


def lesser(code: ScatteringCode, a: Value, b: Value) -> Value:
    return extreme(code.e, a, b, "lt", code.node.dtype.kind in "bu")


def added(code: ScatteringCode, a: Value, b: Value) -> Value:
    return plus(code.e, a, b)


def multiplied(code: ScatteringCode, a: Value, b: Value) -> Value:
    return times(code.e, a, b)


COMBINED: dict[object, Callable[[ScatteringCode, Value, Value], Value]] = {
    IndexAdd: added, ScatterAdd: added, ScatterMultiply: multiplied,
    ScatterAmax: larger, ScatterAmin: lesser,
}  # fmt: skip
