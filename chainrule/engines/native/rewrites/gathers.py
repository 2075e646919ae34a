"""Products with looked-up rows: fewer symbols than places make a smaller product.

    E[i] W = (E W)[i]                        each symbol's row is multiplied once
    A E[i] = Sᵀ E,  S = Σ rows of Aᵀ by i    the sum over places of one symbol comes first
    Σ rows of (D W) by i = (Σ rows of D by i) W

Movement of what was looked up becomes movement of the indices, as far as whole rows move.
"""

from __future__ import annotations

import math

from chainrule.engines.native.graph.nodes import Builder, Node, Shape
from chainrule.engines.native.graph.views import is_zero
from chainrule.engines.native.rewrites.products import FLOATS
from chainrule.engines.native.rewrites.rewriting import Rule
from chainrule.ops.contraction import MatMul
from chainrule.ops.indexing import Index, IndexAdd
from chainrule.ops.movement import Expand, Permute, Reshape

LEAST = 32  # numbers in a row of E: below that a product costs less than adding up rows


def permute(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    (y,) = inputs
    if not _looks_up(y):
        return None
    x, places = y.inputs
    moved = _order(node.params["axes"], len(places.shape))
    return None if moved is None else b(Index, x, b(Permute, places, axes=moved), axes=(0,))


def reshape(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    (y,) = inputs
    if not _looks_up(y):
        return None
    x, places = y.inputs
    lead = _lead(node.shape, x.shape[1:])
    if lead is None or math.prod(lead) != places.size:
        return None
    return b(Index, x, b(Reshape, places, shape=lead), axes=(0,))


def index_add(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """Rows that were moved and then added up are added up where they were."""
    if node.params["axes"] != (0,) or inputs[1].shape != (
        *inputs[2].shape, *inputs[0].shape[1:]
    ):  # fmt: skip
        return None
    x, v, places = inputs
    while (found := _unmoved(b, v, places, x.shape[1:])) is not None:
        v, places = found
    if v.op is MatMul and is_zero(x) and len(places.shape) == 1 and _pays(v, x.shape[0]):
        d, w = v.inputs
        return b(MatMul, _sums(b, d, places, x), w)
    return b(IndexAdd, x, v, places, axes=(0,)) if v is not inputs[1] else None


def _unmoved(b: Builder, v: Node, places: Node, row: Shape) -> tuple[Node, Node] | None:
    """What a view of rows shows, and the places in that order."""
    if v.op is Permute:
        axes = v.params["axes"]
        moved = _order(tuple([axes.index(i) for i in range(len(axes))]), len(places.shape))
        if moved is not None:
            return v.inputs[0], b(Permute, places, axes=moved)
    if v.op is Reshape:
        lead = _lead(v.inputs[0].shape, row)
        if lead is not None and math.prod(lead) == places.size:
            return v.inputs[0], b(Reshape, places, shape=lead)
    return None


def matmul(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    a, w = inputs
    if node.dtype not in FLOATS or len(w.shape) != 2 or len(a.shape) < 2:
        return None
    if _looks_up(a) and len(a.inputs[0].shape) == 2:
        x, places = a.inputs
        if x.shape[0] >= places.size:
            return None
        return b(Index, b(MatMul, x, w), places, axes=(0,))
    if len(a.shape) != 2 or min(node.shape) < LEAST:
        return None
    if _looks_up(w) and len(w.inputs[0].shape) == 2 and w.inputs[0].shape[0] < w.shape[0]:
        x, places = w.inputs
        return b(MatMul, _turned(b, _sums(b, _turned(b, a), places, x)), x)
    rows = _turned(b, a)
    if _looks_up(rows) and len(rows.inputs[0].shape) == 2:
        x, places = rows.inputs
        if x.shape[0] < places.size:
            return b(MatMul, _turned(b, x), _sums(b, w, places, x))
    return None


def _sums(b: Builder, rows: Node, places: Node, symbols: Node) -> Node:
    """For each symbol the sum of the rows at its places."""
    shape = symbols.shape[0], rows.shape[1]
    zeros = b(Expand, b.number(0, rows.dtype), shape=shape)
    return b(IndexAdd, zeros, rows, places, axes=(0,))


def _turned(b: Builder, x: Node) -> Node:
    return x.inputs[0] if x.op is Permute else b(Permute, x, axes=(1, 0))


def _looks_up(node: Node) -> bool:
    return node.op is Index and node.params["axes"] == (0,) and len(node.inputs) == 2


def _pays(product: Node, symbols: int) -> bool:
    rows = product.shape[0]
    return len(product.inputs[0].shape) == len(product.inputs[1].shape) == 2 and (
        symbols < rows and product.dtype in FLOATS and product.shape[1] >= LEAST
    )


def _order(axes: Shape, rank: int) -> Shape | None:
    """The order of the first axes, if the others stay where they are."""
    return axes[:rank] if axes[rank:] == tuple(range(rank, len(axes))) else None


def _lead(shape: Shape, row: Shape) -> Shape | None:
    """The axes in front of a row's."""
    cut = len(shape) - len(row)
    return shape[:cut] if cut >= 0 and shape[cut:] == row else None


GATHERS: dict[object, Rule] = {
    Permute: permute, Reshape: reshape, IndexAdd: index_add, MatMul: matmul,
}  # fmt: skip
