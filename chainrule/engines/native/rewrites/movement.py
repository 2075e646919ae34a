"""Movement that cancels, and sums of sums."""

from __future__ import annotations

from chainrule.engines.native.graph.nodes import Builder, Node
from chainrule.engines.native.rewrites.rewriting import Rule
from chainrule.ops.comparison import NotEqual
from chainrule.ops.conversion import Convert
from chainrule.ops.extremum import Amax, Amin
from chainrule.ops.movement import Expand, Permute, Reshape
from chainrule.ops.reduction import All, AnyTrue, Product, Sum


def reshape(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    (x,) = inputs
    if x.op is Reshape:
        x = x.inputs[0]
    return x if x.shape == node.shape else b(Reshape, x, shape=node.shape)


def permute(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    (x,) = inputs
    axes = node.params["axes"]
    if x.op is Permute:
        inner = x.params["axes"]
        axes, x = tuple([inner[i] for i in axes]), x.inputs[0]
    return x if axes == tuple(range(len(axes))) else b(Permute, x, axes=axes)


def expand(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    return inputs[0] if inputs[0].shape == node.shape else None


def convert(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    return inputs[0] if inputs[0].dtype == node.dtype else None


def sum_of_sum(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """Two sums one after the other are one over the axes of both."""
    (inner,) = inputs
    old = node.inputs[0]
    if inner.op is not Sum or len(old.users) > 1:
        return None
    x, axes = inner.inputs[0], inner.params["axes"]
    kept = [i for i in range(len(x.shape)) if inner.params["keepdim"] or i not in axes]
    both = tuple(sorted({*axes, *[kept[i] for i in node.params["axes"]]}))
    total = b(Sum, x, axes=both, keepdim=False)
    return total if total.shape == node.shape else b(Reshape, total, shape=node.shape)


def over_nothing(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """A reduction over axes of size 1 changes the shape only."""
    (x,) = inputs
    if any(x.shape[axis] != 1 for axis in node.params["axes"]):
        return sum_of_sum(b, node, inputs) if node.op is Sum else None
    if node.op in (All, AnyTrue) and x.dtype != node.dtype:
        x = b(NotEqual, x, b.number(0, x.dtype))
    return b(Reshape, x, shape=node.shape)


SIMPLER: dict[object, Rule] = {
    Reshape: reshape,
    Permute: permute,
    Expand: expand,
    Convert: convert,
    **dict.fromkeys((Sum, Product, Amax, Amin, All, AnyTrue), over_nothing),
}
