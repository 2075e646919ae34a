"""The value of a node at an index: what is stored is read, all else is computed on the spot.

`Walk` goes from a node down to what is stored, rewriting the index at each movement of
elements. What happens at the end is up to its subclasses: `Reads` (below) notes what would be
read, for the planner; `Emission` (code/emission.py) writes the code; `OperandWalk`
(code/product_code.py) finds where an operand lies.

`where` is what must hold for an element to exist: (form, low, high) with low ≤ form < high;
elsewhere a pad's border or another part of a concatenation is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.engines.native.emitter.affine import Affine, Undecided, Var, flat
from chainrule.engines.native.graph.nodes import (
    CONSTANT,
    WINDOW_MAX,
    WINDOW_SPREAD,
    Node,
)
from chainrule.engines.native.graph.views import CHECKS, VIEWS, Index, broadcast
from chainrule.engines.native.graph.window_walks import (
    Tap,
    Where,
    divided,
    never,
    outside_of,
    spread,
    unfolded,
    windowed,
)
from chainrule.ops.creation import Arange
from chainrule.ops.indexing import Gather
from chainrule.ops.indexing import Index as IndexPrimitive
from chainrule.ops.movement import Reshape
from chainrule.ops.slicing import Concatenate, Pad, SliceInto
from chainrule.ops.window import Fold, Unfold, WindowArgmax, WindowSum, WindowSumTranspose


class NeedsMemory(Exception):
    """The index of a node cannot be told from its reshaped one: it must lie in memory."""

    def __init__(self, node: Node) -> None:
        super().__init__(repr(node))
        self.node = node


class Walk:
    """From a node at an index to what is stored."""

    def __init__(self, is_stored: Callable[[Node], bool]) -> None:
        self.is_stored = is_stored

    # -- what the subclasses say -----------------------------------------------------------

    def leaf(self, node: Node, index: Index, where: Where) -> Any:
        raise NotImplementedError

    def leaf_flat(self, node: Node, position: Affine, where: Where) -> Any:
        """As leaf, by row-major position."""
        raise NotImplementedError

    def is_row_major(self, node: Node) -> bool:
        return True

    def number(self, value: Any, dtype: np.dtype) -> Any:
        """A constant."""
        raise NotImplementedError

    def counted(self, node: Node, form: Affine) -> Any:
        """start + step · form, of Arange."""
        raise NotImplementedError

    def apply(self, node: Node, values: list[Any]) -> Any:
        raise NotImplementedError

    def choose(self, where: Where, inside: Any, outside: Any) -> Any:
        raise NotImplementedError

    def dynamic(self, node: Node, value: Any, size: int, wraps: bool) -> Var:
        """A variable whose value is computed: an index that was looked up."""
        raise NotImplementedError

    def quotient(self, form: Affine, divisor: int) -> tuple[Affine, Affine]:
        """Quotient and remainder, by code if the ranges do not decide them."""
        return form.divided(divisor)

    def check(self, node: Node, value: Any) -> Any:
        raise NotImplementedError

    def window(self, node: Node, taps: list[Tap], index: Index, where: Where) -> Any:
        raise NotImplementedError

    # -- the walk --------------------------------------------------------------------------

    def value(self, node: Node, index: Index, where: Where = ()) -> Any:
        """The value of `node` at `index`."""
        if self.is_stored(node):
            return self.leaf(node, index, where)
        return self.compute(node, index, where)

    def compute(self, node: Node, index: Index, where: Where = ()) -> Any:
        """The same for a node that is stored, but not yet."""
        if node.op is CONSTANT:
            assert node.array is not None
            return self.number(node.array[()], node.dtype)
        if node.op is Reshape:
            source = node.inputs[0]
            while source.op is Reshape and not self.is_stored(source):
                source = source.inputs[0]
            if self.is_stored(source) and self.is_row_major(source):
                return self.leaf_flat(source, flat(index, node.shape), where)
        if (through := VIEWS.get(node.op)) is not None:
            try:
                inner = through(node, index)
            except Undecided:
                raise NeedsMemory(node.inputs[0]) from None
            return self.value(node.inputs[0], inner, where)
        if (special := SPECIAL.get(node.op)) is not None:
            return special(self, node, index, where)
        values = [self.value(x, broadcast(index, x.shape), where) for x in node.inputs]
        return self.apply(node, values)


def pad(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    (x,) = node.inputs
    widths = node.params["widths"]
    inner = tuple([form - low for form, (low, _) in zip(index, widths)])
    inside = outside_of(inner, [(0, n) for n in x.shape])
    border = walk.number(node.params["value"], node.dtype)
    if never(inside):
        return border
    value = walk.value(x, inner, (*where, *inside))
    return walk.choose(inside, value, border) if inside else value


def slice_into(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    x, part = node.inputs
    slices = node.params["slices"]
    inside = outside_of(index, [(start, stop) for start, stop, _ in slices])
    if never(inside):
        return walk.value(x, index, where)
    inner = []
    for form, (start, _, step) in zip(index, slices, strict=True):
        place, rest = divided(walk, form - start, step)
        inner.append(place)
        inside += rest
    value = walk.value(part, broadcast(tuple(inner), part.shape), (*where, *inside))
    if not inside:
        return value
    return walk.choose(inside, value, walk.value(x, index, where))


def concatenate(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    axis, start, result = node.params["axis"], 0, None
    for part in node.inputs:
        size = part.shape[axis]
        form = index[axis]
        inside = outside_of((form,), [(start, start + size)])
        if size and not never(inside):
            inner = (*index[:axis], form - start, *index[axis + 1 :])
            value = walk.value(part, inner, (*where, *inside))
            result = value if result is None else walk.choose(inside, value, result)
        start += size
    return result


def arange(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    return walk.counted(node, index[0])


def indexed(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    """Index: x at looked-up places on some axes."""
    x, *tensors = node.inputs
    axes = node.params["axes"]
    drawn = shapes.broadcast(*[t.shape for t in tensors])
    at = axes[0] if list(axes) == list(range(axes[0], axes[-1] + 1)) else 0
    places, rest = index[at : at + len(drawn)], iter((*index[:at], *index[at + len(drawn) :]))
    looked_up = {}
    for axis, tensor in zip(axes, tensors, strict=True):
        found = walk.value(tensor, broadcast(places, tensor.shape), where)
        var = walk.dynamic(node, found, x.shape[axis], wraps=True)
        looked_up[axis] = Affine(0, {var: 1})
    inner = [looked_up[i] if i in looked_up else next(rest) for i in range(len(x.shape))]
    return walk.value(x, tuple(inner), where)


def gathered(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    x, places = node.inputs
    axis = node.params["axis"]
    var = walk.dynamic(node, walk.value(places, index, where), x.shape[axis], wraps=False)
    return walk.value(x, (*index[:axis], Affine(0, {var: 1}), *index[axis + 1 :]), where)


def checked(walk: Walk, node: Node, index: Index, where: Where) -> Any:
    return walk.check(node, walk.value(node.inputs[0], index, where))


SPECIAL: dict[object, Callable[[Walk, Node, Index, Where], Any]] = {
    Pad: pad,
    SliceInto: slice_into,
    Concatenate: concatenate,
    Arange: arange,
    IndexPrimitive: indexed,
    Gather: gathered,
    WindowArgmax: windowed,
    WINDOW_MAX: windowed,
    WindowSum: windowed,
    WindowSumTranspose: spread,
    WINDOW_SPREAD: spread,
    Fold: spread,
    Unfold: unfolded,
    **dict.fromkeys(CHECKS, checked),
}


class Read(NamedTuple):
    """An element of a stored node that is read."""

    node: Node
    position: Affine  # row-major
    where: Where
    at: Index | None = None  # its index, where that is known


class Reads(Walk):
    """Notes what would be read; nothing is computed."""

    def __init__(self, is_stored: Callable[[Node], bool]) -> None:
        super().__init__(is_stored)
        self.found: list[Read] = []
        self._seen: set[tuple] = set()
        self._dynamic: dict[tuple, Var] = {}

    def value(self, node: Node, index: Index, where: Where = ()) -> Any:
        key = (id(node), index, where)
        if key not in self._seen:
            self._seen.add(key)
            super().value(node, index, where)
        return key

    def leaf(self, node: Node, index: Index, where: Where) -> Any:
        self.found.append(Read(node, flat(index, node.shape), where, index))

    def leaf_flat(self, node: Node, position: Affine, where: Where) -> Any:
        self.found.append(Read(node, position, where))

    def number(self, value: Any, dtype: np.dtype) -> Any:
        return None

    def counted(self, node: Node, form: Affine) -> Any:
        return None

    def apply(self, node: Node, values: list[Any]) -> Any:
        return None

    def choose(self, where: Where, inside: Any, outside: Any) -> Any:
        return None

    def check(self, node: Node, value: Any) -> Any:
        return None

    def dynamic(self, node: Node, value: Any, size: int, wraps: bool) -> Var:
        var = Var("looked_up", size, is_loop=False)
        return self._dynamic.setdefault((id(node), value), var)

    def quotient(self, form: Affine, divisor: int) -> tuple[Affine, Affine]:
        try:
            return form.divided(divisor)
        except Undecided:
            key = (form, divisor)
            var = Var("quotient", form.high // divisor + 1, is_loop=False)
            found = self._dynamic.setdefault(key, var)
            rest = self._dynamic.setdefault((*key, "rest"), Var("rest", divisor, is_loop=False))
            return Affine.of(found), Affine.of(rest)

    def window(self, node: Node, taps: list[Tap], index: Index, where: Where) -> Any:
        for tap in taps:
            for x in node.inputs:
                self.value(x, tap.index, (*where, *tap.where))
