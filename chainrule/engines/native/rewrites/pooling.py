"""Max-pooling in one step: an argmax and a gather are the largest element of each window."""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.graph.nodes import WINDOW_MAX, WINDOW_SPREAD, Builder, Node
from chainrule.engines.native.graph.views import is_zero
from chainrule.engines.native.rewrites.rewriting import Rule
from chainrule.ops.indexing import Gather, ScatterAdd
from chainrule.ops.movement import Reshape
from chainrule.ops.window import WindowArgmax


def gather(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """x at the places where its windows are largest."""
    x, places = map(unshaped, inputs)
    if places.op is not WindowArgmax or places.inputs[0] is not x:
        return None
    if node.params["axis"] != 2 or inputs[0].shape[:2] != x.shape[:2]:
        return None
    largest = b.node(WINDOW_MAX, (x,), places.shape, x.dtype, **places.params)
    return b(Reshape, largest, shape=node.shape)


def scatter_add(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """Zeros, and each v added where its window was largest."""
    zeros, places, v = inputs[0], unshaped(inputs[1]), inputs[2]
    if places.op is not WindowArgmax or node.params["axis"] != 2 or not is_zero(zeros):
        return None
    x = places.inputs[0]
    if v.shape != inputs[1].shape or zeros.shape[:2] != x.shape[:2]:
        return None
    short = b.node(WindowArgmax, (x,), places.shape, np.dtype(np.int32), **places.params)
    g = b(Reshape, v, shape=places.shape)
    spread = b.node(WINDOW_SPREAD, (short, g), x.shape, v.dtype, **places.params)
    return b(Reshape, spread, shape=node.shape)


def unshaped(node: Node) -> Node:
    while node.op is Reshape:
        node = node.inputs[0]
    return node


POOLING: dict[object, Rule] = {Gather: gather, ScatterAdd: scatter_add}
