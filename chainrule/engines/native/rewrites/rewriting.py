"""Rewriting a graph of nodes: what an operation is in terms of simpler ones.

A rule takes a builder, the node and its new inputs, and gives the new node, or None to leave it
as it is. Equal new nodes are made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, Builder, Node, ordered
from chainrule.ops.conversion import Convert

Rule = Callable[[Builder, Node, tuple[Node, ...]], Node | None]
FLOAT32 = np.dtype(np.float32)


class SharingBuilder(Builder):
    """Makes each node once."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Any, Node] = {}

    def shared(self, node: Node) -> Node:
        """The node that was made before, if it is equal."""
        try:
            return self._made.setdefault(_key(node), node)
        except TypeError:  # a parameter that cannot be a part of a key
            return node

    def __call__(self, primitive: Any, *inputs: Node, **params: Any) -> Node:
        return self.shared(super().__call__(primitive, *inputs, **params))

    def number(self, value: float, dtype: np.dtype) -> Node:
        return self.shared(super().number(value, dtype))

    def node(self, *args: Any, **params: Any) -> Node:
        return self.shared(super().node(*args, **params))


def _key(node: Node) -> tuple:
    """Equal for nodes that are equal."""
    if node.op is CONSTANT:
        assert node.array is not None
        return CONSTANT, node.dtype, node.shape, node.array.tobytes()
    params = tuple(sorted(node.params.items()))
    floats = [repr(x) for x in node.params.values() if isinstance(x, float)]  # -0.0 is no 0.0
    return node.op, tuple(map(id, node.inputs)), params, *floats, node.shape, node.dtype


def rewritten(
    outputs: Iterable[Node],
    rules: dict[object, Rule],
    values: dict[int, Node] | None = None,
) -> list[Node]:
    """The outputs after the rules were applied to every node, inputs first.

    Args: values: nodes to follow, which are replaced by what has become of them.
    """
    outputs = list(outputs)
    builder = SharingBuilder()
    new: dict[int, Node] = {}
    for node in ordered(outputs):
        inputs = tuple([new[id(x)] for x in node.inputs])
        builder.source, builder.equation = node.source, node.equation
        rule = rules.get(node.op)
        result = rule(builder, node, inputs) if rule is not None else None
        if result is None:
            same = node if inputs == node.inputs else node.with_inputs(inputs)
            result = builder.shared(same) if node.op != INPUT else node
        new[id(node)] = result
    if values is not None:
        kept = {number: node for number, node in values.items() if id(node) in new}
        values.clear()
        values.update({number: new[id(node)] for number, node in kept.items()})
    return [new[id(node)] for node in outputs]


def widened(builder: Builder, inputs: tuple[Node, ...]) -> tuple[Node, ...]:
    """Halves as float32, as every primitive computes with them."""
    return tuple([
        builder(Convert, x, to=FLOAT32, source=x.dtype) if x.dtype in dtypes.HALVES else x
        for x in inputs
    ])  # fmt: skip


def narrowed(builder: Builder, node: Node, dtype: np.dtype) -> Node:
    if node.dtype == dtype:
        return node
    return builder(Convert, node, to=dtype, source=node.dtype)
