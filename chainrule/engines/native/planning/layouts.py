"""In which order the axes of a stored value lie in memory.

What the user sees is row-major. Inside, images that convolutions read and write have their
channels last, so that vectors run along channels; the order spreads to all values that are
computed element by element from them. A product whose result is only read with its axes in
another order writes it in that one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from chainrule.engines.native.code.places import Order
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, LOOP, PRODUCT, Node
from chainrule.engines.native.graph.views import VIEWS, behind_views
from chainrule.engines.native.planning.fusion import OWN, Kernel
from chainrule.ops.movement import Permute, Reshape


def layouts(
    kernels: list[Kernel], outputs: Iterable[Node], plain: Iterable[int]
) -> dict[int, Order]:
    """The order of the axes of each stored node that is not row-major, by id.

    Args: plain: ids of nodes that have to be row-major.
    """
    layouts = _Layouts(kernels, outputs)
    layouts.images()
    layouts.spread()
    layouts.turn()
    for kernel in kernels:
        if kernel.kind == LOOP:  # each turn takes a piece of what it reads
            layouts.drop(map(id, (*kernel.reads.values(), *kernel.nodes)))
    layouts.drop(plain)
    return {node: order for node, order in layouts.orders.items() if not _is_row_major(order)}


class _Layouts:
    """Orders that are found one after another."""

    def __init__(self, kernels: list[Kernel], outputs: Iterable[Node]) -> None:
        self.kernels = kernels
        self.orders: dict[int, Order] = {}
        self.fixed = {id(node) for node in outputs}
        self.fixed |= {id(node) for k in kernels if k.kind == OWN for node in k.nodes}

    def images(self) -> None:
        """What convolutions read and write, but for their weights."""
        for kernel in self.kernels:
            node = kernel.nodes[0]
            if kernel.kind != PRODUCT or "windows" not in node.params:
                continue
            for image, order in map(_seen_through_views, (node, *node.inputs)):
                if len(image.shape) == node.params["windows"] and image is not _weight(node):
                    self._set(image, order)

    def _set(self, node: Node, order: Order) -> bool:
        """Give an image this order, whose last axis is the channels'; whether that is new."""
        known = id(node) in self.fixed or id(node) in self.orders
        if known or node.op in (INPUT, CONSTANT) or not is_image(node, order[-1]):
            return False
        self.orders[id(node)] = order
        return True

    def spread(self) -> None:
        """To what is computed from images, and what they are computed from."""
        changed = True
        while changed:
            changed = False
            for kernel in self.kernels:
                if kernel.nest is not None:
                    changed |= self._spread_in((*kernel.nodes, *kernel.reads.values()))

    def _spread_in(self, nodes: tuple[Node, ...]) -> bool:
        changed = False
        for node in nodes:
            if id(node) in self.orders:
                for other in nodes:
                    if _alike(node, other):
                        changed |= self._set(other, self.orders[id(node)])
        return changed

    def turn(self) -> None:
        """Products in the order in which they are read."""
        for kernel in self.kernels:
            node = kernel.nodes[0]
            free = id(node) not in self.fixed and id(node) not in self.orders
            if kernel.kind == PRODUCT and free and (order := _turned(node)) is not None:
                self.orders[id(node)] = order

    def drop(self, nodes: Iterable[int]) -> None:
        """Leave nodes row-major."""
        for node in nodes:
            self.orders.pop(node, None)


def _is_row_major(order: Order) -> bool:
    return order == tuple(range(len(order)))


def channels_last(rank: int) -> Order:
    return (0, *range(2, rank), 1)


def is_image(node: Node, channels: int) -> bool:
    """Whether there are several places, each with several channels."""
    shape = node.shape
    places = math.prod(n for axis, n in enumerate(shape) if axis not in (0, channels))
    return len(shape) >= 3 and shape[channels] > 1 and places > 1


def _seen_through_views(node: Node) -> tuple[Node, Order]:
    """What a chain of movements shows, and its axes in the order in which the image that is
    seen has its channels last."""
    moves: list[Order] = []
    while node.op in VIEWS:
        if node.op is Permute:
            moves.append(tuple(node.params["axes"]))
        elif node.op is Reshape or len(node.inputs[0].shape) != len(node.shape):
            moves.clear()  # of other axes
        node = node.inputs[0]
    order = channels_last(len(node.shape))
    for axes in moves:
        order = tuple([axes[axis] for axis in order])
    return node, order


def _weight(node: Node) -> Node | None:
    """The operand or result of a convolution that is the weight."""
    which = node.params["weight"]
    return behind_views(node.inputs[which]) if which >= 0 else node


def _alike(a: Node, b: Node) -> bool:
    """Images of one size, or the smaller one that a window makes of the larger."""
    return len(a.shape) == len(b.shape) and a.shape[:2] == b.shape[:2] and len(b.shape) >= 3


def _turned(node: Node) -> Order | None:
    """The order in which the only copies of a product's result have its axes: so they are made
    row by row."""
    orders = {tuple(x.params["axes"]) if x.op is Permute else None for x in node.users}
    return orders.pop() if len(orders) == 1 else None
