"""Movement as index forms: which element of its input an element of a view is."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.engines.native.emitter.affine import Affine, flat, unflat
from chainrule.engines.native.graph.nodes import CONSTANT, Node, Shape
from chainrule.ops.checking import InRange, Probabilities
from chainrule.ops.conversion import Copy
from chainrule.ops.movement import Expand, Flip, Permute, Reshape
from chainrule.ops.slicing import Slice

Index = tuple[Affine, ...]
ZERO = Affine()


def broadcast(index: Index, shape: Shape) -> Index:
    """The index into an operand of this shape, which is stretched to the whole."""
    short = index[len(index) - len(shape) :]
    return tuple([ZERO if n == 1 else form for n, form in zip(shape, short, strict=True)])


def through_reshape(node: Node, index: Index) -> Index:
    source = node.inputs[0].shape
    inner = [n for n in source if n != 1]
    if inner == [n for n in node.shape if n != 1]:  # only axes of size 1 came or went
        forms = iter([form for form, n in zip(index, node.shape, strict=True) if n != 1])
        return tuple([ZERO if n == 1 else next(forms) for n in source])
    return unflat(flat(index, node.shape), source)


def through_permute(node: Node, index: Index) -> Index:
    forms = dict(zip(node.params["axes"], index, strict=True))
    return tuple([forms[axis] for axis in range(len(index))])


def through_slice(node: Node, index: Index) -> Index:
    parts = node.params["slices"]
    return tuple([form * step + start for form, (start, _, step) in zip(index, parts)])


def through_flip(node: Node, index: Index) -> Index:
    axes, shape = node.params["axes"], node.shape
    return tuple(
        [form * -1 + (shape[i] - 1) if i in axes else form for i, form in enumerate(index)]
    )


def unchanged(node: Node, index: Index) -> Index:
    return index


VIEWS: dict[object, Callable[[Node, Index], Index]] = {
    Reshape: through_reshape,
    Permute: through_permute,
    Expand: lambda node, index: broadcast(index, node.inputs[0].shape),
    Slice: through_slice,
    Flip: through_flip,
    Copy: unchanged,
}
#: they pass their input on, and stop the program where it is wrong
CHECKS = (InRange, Probabilities)


def behind_views(node: Node) -> Node:
    """What a chain of movements shows."""
    while node.op in VIEWS:
        node = node.inputs[0]
    return node


def is_zero(node: Node) -> bool:
    """Whether a node is a constant that is zero everywhere, maybe stretched."""
    while node.op in (Expand, Reshape):
        node = node.inputs[0]
    return node.op is CONSTANT and node.array is not None and not node.array.any()
