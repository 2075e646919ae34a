"""When two kernels have the same code: a key of all that the code of a nest depends on.

A network of twenty equal layers has twenty kernels that differ only in where their arrays lie,
which the code does not say. Writing it takes ten times as long as making the key.
"""

from __future__ import annotations

from typing import Any

from chainrule.engines.native.code.nest import Nest
from chainrule.engines.native.code.places import Place, Places
from chainrule.engines.native.graph.nodes import CONSTANT, TABLE, Node
from chainrule.engines.native.graph.views import behind_views


class Likeness:
    """Describes nodes: what is done, to what, down to what is stored.

    Notes: the parameters get their names in the order of the key.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self._numbers: dict[int, int] = {}  # by id: in the order in which nodes are met
        self._found: list[Any] = []

    def key(self, nest: Nest, *made: Node) -> tuple:
        """Equal for nests that have the same code, and the same names for their parameters.

        Args: made: nodes that are in registers before the nest begins.
        """
        loops = [(var.name, var.size) for axis in nest.axes for var in axis]
        loops += [("axis", len(axis)) for axis in nest.axes]
        for node in made:
            self._note(node, (node.shape, node.dtype, self._home(node)))
        for unit in nest.units:
            self._note(unit.node, (self._operation(unit.node), self._home(unit.node),
                                   unit.space, unit.reduced))  # fmt: skip
        return (nest.space, nest.inner, *loops, *self._found)

    def _note(self, node: Node, what: tuple) -> int:
        self._numbers[id(node)] = len(self._found)
        self._found.append(what)
        return self._numbers[id(node)]

    def _home(self, node: Node) -> tuple[Place, bool]:
        return self.places.of(node), self.places.is_local(node)

    def _operation(self, node: Node) -> tuple:
        inputs = tuple([self._number(x) for x in node.inputs])
        return node.op, inputs, repr(node.params), node.shape, node.dtype

    def _number(self, node: Node) -> int:
        """The place of a node in the key, which it gets when it is met."""
        if id(node) in self._numbers:
            return self._numbers[id(node)]
        if node.op is CONSTANT and (node.shape == () or TABLE in node.params):
            return self._note(node, (node.op, node.shape, *_content(node)))
        if not self.places.is_stored(node):
            return self._note(node, self._operation(node))
        place = self.places.of(node)
        return self._note(node, (node.shape, place, *_content(behind_views(node))))


def _content(node: Node) -> tuple:
    """Type and numbers, where the code may know the numbers."""
    is_known = node.array is not None and (node.shape == () or TABLE in node.params)
    return node.dtype, node.array.tobytes() if is_known else None  # type: ignore[union-attr]
