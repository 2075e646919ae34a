"""In which order the axes of a stored value lie in memory.

What the user sees is row-major. Inside, images that convolutions read and write have their
channels last, so that vectors run along channels; the order spreads to all values that are
computed element by element from them. A product whose result is only read with its axes in
another order writes it in that one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from chainrule.engines.native.grouping import Kernel
from chainrule.engines.native.nodes import CONSTANT, INPUT, PRODUCT, Node
from chainrule.engines.native.storing import behind_views
from chainrule.ops.movement import Permute

Order = tuple[int, ...]


def strides_of(node: Node, order: Order) -> tuple[int, ...]:
    """Elements from one step of each axis to the next."""
    strides, step = [0] * len(order), 1
    for axis in reversed(order):
        strides[axis] = step
        step *= node.shape[axis]
    return tuple(strides)


def channels_last(rank: int) -> Order:
    return (0, *range(2, rank), 1)


def is_image(node: Node) -> bool:
    """Whether there are several places, each with several channels."""
    return len(node.shape) >= 3 and node.shape[1] > 1 and math.prod(node.shape[2:]) > 1


def layouts(kernels: list[Kernel], outputs: Iterable[Node]) -> dict[int, Order]:
    """The order of the axes of each stored node that is not row-major, by id."""
    fixed = {id(node) for node in outputs}
    fixed |= {id(node) for kernel in kernels if kernel.kind == "own" for node in kernel.nodes}
    found: dict[int, Order] = {}

    def set_(node: Node) -> bool:
        if id(node) in fixed or id(node) in found or node.op in (INPUT, CONSTANT):
            return False
        if not is_image(node):
            return False
        found[id(node)] = channels_last(len(node.shape))
        return True

    for kernel in kernels:
        if kernel.kind == PRODUCT and "windows" in kernel.nodes[0].params:
            images = kernel.nodes[0].params["windows"]
            for node in [kernel.nodes[0], *map(behind_views, kernel.nodes[0].inputs)]:
                if len(node.shape) == images and node is not _weight(kernel.nodes[0]):
                    set_(node)
    _spread(kernels, set_, found)
    for kernel in kernels:
        node = kernel.nodes[0]
        free = kernel.kind == PRODUCT and id(node) not in fixed | found.keys()
        if free and (order := _turned(node)) is not None:
            found[id(node)] = order
    return found


def _turned(node: Node) -> Order | None:
    """The order in which the only copies of a product's result have its axes: so they are made
    row by row."""
    orders = {tuple(x.params["axes"]) if x.op is Permute else None for x in node.users}
    return orders.pop() if len(orders) == 1 else None


def _weight(node: Node) -> Node | None:
    """The operand or result of a convolution that is the weight."""
    which = node.params["weight"]
    return behind_views(node.inputs[which]) if which >= 0 else node


def _spread(kernels: list[Kernel], set_, found: dict[int, Order]) -> None:
    """To what is computed from such values, and what they are computed from."""
    changed = True
    while changed:
        changed = False
        for kernel in kernels:
            if kernel.nest is None:
                continue
            around = [*kernel.nodes, *kernel.reads.values()]
            for node in around:
                if id(node) not in found:
                    continue
                for other in around:
                    if _alike(node, other) and kernel.kind != "call":
                        changed |= set_(other)


def _alike(a: Node, b: Node) -> bool:
    """Images of one size, or the smaller one that a window makes of the larger."""
    return len(a.shape) == len(b.shape) and a.shape[:2] == b.shape[:2] and len(b.shape) >= 3
