"""Loops over time: the body as nodes, without what is the same in all turns.

What does not change from turn to turn moves in front of the loop, and becomes an input of it;
movement stays in the body, where it costs nothing. Movement in front of the loop even comes
into it, if only products read its result: their copies of an operand do both at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chainrule.engines.native.graph.inlining import is_inlined, is_reduction
from chainrule.engines.native.graph.nodes import (
    CONSTANT,
    INPUT,
    LOOP,
    PRODUCT,
    Builder,
    Node,
    imported,
    ordered,
)
from chainrule.engines.native.graph.views import VIEWS
from chainrule.engines.native.kernels.own_kernels import has_own_kernel
from chainrule.engines.native.rewrites.passes import BODY_PASSES
from chainrule.engines.native.rewrites.rewriting import Rule, rewritten
from chainrule.ops.conversion import Copy
from chainrule.tensor.scan import Scan


@dataclass(slots=True, eq=False)
class Body:
    """What a loop does in every turn.

    Args:
        inputs: the states before the turn, what the sequences have at this time, and what is
            the same at all times, as the inputs of the loop's node.
        outputs: the states after the turn, and what becomes part of the loop's results.
    """

    inputs: list[Node]
    outputs: list[Node]


def loop(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """The loop of this engine, if the engine has code for all that the body does."""
    params = dict(node.params)
    graph, moving = params.pop("body"), params["states"] + params["sequences"]
    givens, outputs = imported(graph)
    for _, rules in BODY_PASSES:
        outputs = rewritten(outputs, rules)
    order = ordered(outputs)
    if not params["length"] or not all(map(_has_code, order)):
        return None
    division = _Division(order, givens[moving:], inputs[moving:], outputs)
    ends = [division.within(y) for y in outputs]
    body = Body([*givens[:moving], *division.leaves()], ends)
    given = (*inputs[:moving], *division.fixed())
    return b.node(LOOP, given, node.shape, node.dtype, body=body, **params)


def _has_code(node: Node) -> bool:
    known = node.op in (INPUT, CONSTANT, PRODUCT)
    return known or is_inlined(node) or is_reduction(node) or has_own_kernel(node)


class _Division:
    """The nodes of a body, divided into those inside the loop and those in front of it."""

    def __init__(
        self, order: list[Node], names: Iterable[Node], given: Iterable[Node],
        outputs: list[Node],
    ) -> None:  # fmt: skip
        self.results = {id(y) for y in outputs}
        self.outside = {id(x): y for x, y in zip(names, given, strict=True)}
        self.inside: dict[int, Node] = {}
        self.bound: dict[int, tuple[Node, Node]] = {}  # by id of the node outside
        for node in order:
            if node.op is INPUT:
                self.inside.setdefault(id(node), node)
            elif all(id(x) in self.outside for x in node.inputs):
                inputs = [self.outside[id(x)] for x in node.inputs]
                self.outside[id(node)] = _like(node, inputs)
            else:
                self.inside[id(node)] = _like(node, map(self.within, node.inputs))

    def leaves(self) -> list[Node]:
        """The inputs of the body that are the same in all turns."""
        return [leaf for leaf, _ in self.bound.values()]

    def fixed(self) -> list[Node]:
        """What these are outside."""
        return [outer for _, outer in self.bound.values()]

    def within(self, node: Node) -> Node:
        """What a node of the body is in the loop."""
        if id(node) not in self.outside:
            return self.inside[id(node)]
        if node.op is CONSTANT and node.shape == ():
            return node
        if node.op in VIEWS and node.op is not Copy:
            return _like(node, map(self.within, node.inputs))
        return self._bound(self.outside[id(node)], self._is_operand(node))

    def _bound(self, outer: Node, with_movement: bool) -> Node:
        moves = []
        while with_movement and outer.op in VIEWS:
            moves.append(outer)
            outer = outer.inputs[0]
        new = Node(INPUT, (), outer.shape, outer.dtype, source=outer.source)
        inner, _ = self.bound.setdefault(id(outer), (new, outer))
        for move in reversed(moves):
            inner = inner if move.op is Copy else _like(move, [inner])
        return inner

    def _is_operand(self, node: Node) -> bool:
        """Whether products are all that reads a node, maybe through movement."""
        stack = [node]
        while stack:
            x = stack.pop()
            if id(x) in self.results:
                return False
            stack += [y for y in x.users if y.op in VIEWS]
            if any(y.op is not PRODUCT and y.op not in VIEWS for y in x.users):
                return False
        return True


def _like(node: Node, inputs: Iterable[Node]) -> Node:
    """The same operation of other nodes."""
    return node.with_inputs(inputs) if node.inputs else node


LOOPS: dict[object, Rule] = {Scan: loop}
