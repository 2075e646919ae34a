"""Operations along one axis: running sums, products and extremes, and places of extremes.

    for each line of the axis (split into chunks among the threads):
        total = neutral
        for j: total = total + x[…, j, …]; y[…, j, …] = total

Where the axis is not the last one (for places of extremes: not the one along which the elements
lie in memory), the lanes of a vector are neighbouring lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from chainrule.engines.native.code.totals import extreme
from chainrule.engines.native.emitter import Emitter, Slot, Value
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.graph.views import Index
from chainrule.engines.native.kernels.own_code import (
    Number,
    OwnCode,
    axis_vars,
    index_of,
    plus,
    smaller,
    times,
)
from chainrule.engines.native.mathematics.exponential import exp
from chainrule.engines.native.mathematics.logarithm import log1p
from chainrule.ops.cumulative import Cumprod, Cumsum
from chainrule.ops.extremum import Argmax, LaterMax

SHORTEST = 4  # the least number of lines that are taken as a vector


class LinesCode(OwnCode):
    """The family; subclasses say what is done with one line, or one line in each lane."""

    def body(self) -> None:
        self.x = self.node.inputs[0]
        shape, self.axis = self.x.shape, self.node.params["axis"]
        self.variables = axis_vars(shape)
        self.along = self.variables[self.axis]
        inner = self.inner()
        across = self.axis != inner and shape[inner] >= SHORTEST
        self.narrow(shape[inner] if across else 1)
        free = [var for var in self.variables if var is not self.along]
        vector = self.variables[inner] if across else None
        with ExitStack() as stack:
            self._loops(stack, free, vector)
            self.line()

    def _loops(self, stack: ExitStack, free: list[Var], vector: Var | None) -> None:
        e, lanes = self.e, self.e.lanes
        blocks = {var: -(-var.size // lanes) if var is vector else var.size for var in free}
        chosen = max(free, key=blocks.__getitem__, default=None)
        for var in free:
            low: Number = 0
            high: Number = var.size
            if var is chosen:
                low, high = self.cut(blocks[var], 4 * self.x.size)
                if var is vector:
                    low, high = [e.multiply(e.as_value(n), e.int(lanes)) for n in (low, high)]
                    high = smaller(e, high, var.size)
            loop = self.vectors if var is vector else e.over
            stack.enter_context(loop(var, low, high))

    def line(self) -> None:
        raise NotImplementedError

    def inner(self) -> int:
        """The axis whose elements are neighbours in memory."""
        return len(self.x.shape) - 1

    def element(self, place: Affine | None = None) -> Value:
        """The element where the loops stand, or at another place of the line."""
        return self.read(self.x, self.index(place))

    def index(self, place: Affine | None = None) -> Index:
        index = list(index_of(self.variables))
        if place is not None:
            index[self.axis] = place
        return tuple(index)

    def slot(self, start: Value) -> Slot:
        return self.e.slot(self.e.widened(start, self.e.lanes))


class RunningCode(LinesCode):
    """Cumsum, Cumprod and Logcumsumexp."""

    def line(self) -> None:
        join, neutral = self._joined()
        total = self.slot(self.emission.number(neutral, self.x.dtype))
        with self.e.over(self.along):
            value = join(self.e, self.e.get(total), self.element())
            self.e.put(total, value)
            self.store(self.index(), self.e.get(total))

    def _joined(self) -> tuple[Callable[[Emitter, Value, Value], Value], float]:
        is_float = self.x.dtype.kind == "f"
        if self.node.op is Cumsum:
            return plus, -0.0 if is_float else 0
        return (times, 1) if self.node.op is Cumprod else (log_plus, -math.inf)


def log_plus(e: Emitter, a: Value, b: Value) -> Value:
    """ln(eᵃ + eᵇ)"""
    difference = e.subtract(a, b)
    distance = e.intrinsic("fabs", difference)
    larger = e.select(e.compare("ogt", difference, e.constant(a.kind, 0)), a, b)
    general = e.add(larger, log1p(e, exp(e, e.negate(distance))))
    twice = e.add(a, e.constant(a.kind, math.log(2)))
    return e.select(e.compare("oeq", a, b), twice, general)


class LatestCode(LinesCode):
    """LaterMax and LaterMin."""

    def line(self) -> None:
        e, word = self.e, "gt" if self.node.op is LaterMax else "lt"
        unsigned = self.x.dtype.kind in "bu"
        best = self.slot(self.element(Affine()))
        place = self.slot(e.int(0))
        with e.over(self.along):
            value = self.element()
            e.put(best, extreme(e, e.get(best), value, word, unsigned))
            if value.kind in ("float", "double"):
                same = e.compare("oeq", value, e.get(best))
                hit = e.binary("or", same, e.compare("uno", value, value))
            else:
                hit = e.compare("eq", value, e.get(best))
            e.put(place, e.select(hit, self.along.value, e.get(place)))
            self.store(self.index(), e.get(place))


class PositionCode(LinesCode):
    """Argmax and Argmin: the first of equals, the first nan if there is one."""

    def inner(self) -> int:
        last = len(self.x.shape) - 1
        if not self.places.is_stored(self.x):
            return last
        strides = self.places.of(self.x).strides
        neighbours = [axis for axis, n in enumerate(self.x.shape) if strides[axis] == 1 < n]
        return max(neighbours, default=last)

    def line(self) -> None:
        e = self.e
        inside = self.axis == self.inner() and self.along.size >= 2 * self.lanes
        if inside:
            self.narrow(self.along.size)
        self.best = self.slot(self.element(Affine()))
        self.found = self.slot(e.int(0))
        if inside:
            with self.vectors(self.along):
                here = e.add(e.widened(self.along.value, e.lanes), e.counting("i64", e.lanes))
                self._compare(here)
        else:
            with e.over(self.along):
                self._compare(self.along.value)
        value, place = e.get(self.best), e.get(self.found)
        if inside:
            value, place = self._across(value, place)
            self.narrow(1)
        self._write(place)

    def _compare(self, here: Value) -> None:
        e, value = self.e, self.element()
        exists = self.emission.tails.get(self.along)
        better = e.both(exists, self._better(value, e.get(self.best)))
        assert better is not None
        e.put(self.found, e.select(better, here, e.get(self.found)))
        e.put(self.best, e.select(better, value, e.get(self.best)))

    def _better(self, a: Value, b: Value) -> Value:
        e, word = self.e, "gt" if self.node.op is Argmax else "lt"
        if a.kind in ("float", "double"):
            return e.binary("and", e.compare(f"u{word}", a, b), e.compare("ord", b, b))
        return e.compare(("u" if self.x.dtype.kind in "bu" else "s") + word, a, b)

    def _across(self, value: Value, place: Value) -> tuple[Value, Value]:
        """The best of all lanes; of equals the one with the least place."""
        e, lanes = self.e, value.lanes
        while lanes > 1:
            lanes //= 2
            (a, b), (p, q) = [
                (e.part(v, 0, lanes), e.part(v, lanes, lanes)) for v in (value, place)
            ]
            worse = self._better(a, b)
            kept = e.select(worse, e.constant("i1", 0, lanes), e.compare("slt", q, p))
            second = e.binary("or", self._better(b, a), kept)
            value, place = e.select(second, b, a), e.select(second, q, p)
        return value, place

    def _write(self, place: Value) -> None:
        index = list(self.index(Affine()))
        if not self.node.params["keepdim"]:
            del index[self.axis]
        self.store(tuple(index), place)


class FirstNonzeroCode(OwnCode):
    """FirstNonzero: one walk over all elements; each that is not 0 writes a row."""

    def body(self) -> None:
        e, (x,) = self.e, self.node.inputs
        size, rank = self.node.shape
        self.narrow(1)
        rows, columns = axis_vars((size, rank))
        with e.over(rows), e.over(columns):
            fill = self.emission.number(self.node.params["fill"], np.dtype(np.int64))
            self.store(index_of([rows, columns]), fill)
        count, variables = e.slot(e.int(0)), axis_vars(x.shape)
        with ExitStack() as stack:
            for var in variables:
                stack.enter_context(e.over(var))
            value = self.read(x, index_of(variables))
            found = _is_nonzero(e, value)
            more = e.compare("slt", e.get(count), e.int(size))
            with self.when(e.binary("and", found, more)):
                row = Var("row", size, e.get(count), is_loop=False)
                for axis, var in enumerate(variables):
                    at = (Affine(0, {row: 1}), Affine(axis))
                    self.store(at, e.int(0) if var.size == 1 else var.value)
                e.put(count, e.add(e.get(count), e.int(1)))


def _is_nonzero(e: Emitter, value: Value) -> Value:
    if value.kind == "i1":
        return value
    word = "une" if value.kind in ("float", "double") else "ne"
    return e.compare(word, value, e.constant(value.kind, 0))
