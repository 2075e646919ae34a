"""Where values lie, as a kernel sees them: in which of its parameters, with what strides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.emitter.affine import Affine
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.graph.views import Index

Order = tuple[int, ...]  # of the axes, the last of which lies closest in memory


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stored node lies, as a kernel sees it."""

    name: str  # of the parameter
    strides: tuple[int, ...]  # in elements, one for each axis
    row_major: bool
    fixed: bool = True  # nothing in this kernel writes to it
    offset: int = 0

    def at(self, index: Index) -> Affine:
        """Where the element of this index lies."""
        form = Affine(self.offset)
        for part, stride in zip(index, self.strides, strict=True):
            form = form + part * stride
        return form


class Places:
    """The places of the values of a plan. A parameter gets its name when it is first met.

    Args:
        stored: the ids of the nodes that are stored; all others are computed where they are
            read.
        local: of these, the ones that stay in registers, as only their own kernel reads them.
        orders: by id of a node: the order of its axes, unless it is row-major.
        buffers: by id of a node: the memory that holds it.
    """

    def __init__(
        self, stored: set[int], local: set[int], orders: Mapping[int, Order],
        buffers: Mapping[int, Buffer],
    ) -> None:  # fmt: skip
        self.stored, self.local = stored, local
        self._orders, self._buffers = orders, buffers
        self._names: dict[Buffer, str] = {}

    def is_stored(self, node: Node) -> bool:
        return id(node) in self.stored

    def is_local(self, node: Node) -> bool:
        return id(node) in self.local

    def of(self, node: Node) -> Place:
        """Where a stored node lies."""
        order = self._orders.get(id(node))
        buffer = self._buffers.get(id(node))
        name = "none"
        if buffer is not None:
            name = self._names.setdefault(buffer, f"p{len(self._names)}")
        return Place(name, strides_of(node, order), order is None)

    def arguments(self) -> dict[str, Buffer]:
        """What the kernel is given for each of its parameters."""
        return {name: buffer for buffer, name in self._names.items()}


def strides_of(node: Node, order: Order | None = None) -> tuple[int, ...]:
    """Elements from one step of each axis to the next; row-major without an order."""
    strides, step = [0] * len(node.shape), 1
    for axis in reversed(order or range(len(node.shape))):
        strides[axis] = step
        step *= node.shape[axis]
    return tuple(strides)
