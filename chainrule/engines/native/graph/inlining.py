"""Which operations loops over elements compute, and what an element costs."""

from __future__ import annotations

import math
from typing import Any

from chainrule.engines.native.graph.expression import SPECIAL
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, Node
from chainrule.engines.native.graph.views import CHECKS, VIEWS, behind_views
from chainrule.engines.native.pointwise import cost, has_rule
from chainrule.ops.indexing import Gather
from chainrule.ops.reduction import Reduction


def is_inlined(node: Node) -> bool:
    """Whether a node can be computed at the place where it is read."""
    if node.op in VIEWS:
        return True
    if node.op in SPECIAL:
        return node.op is not Gather or _is_within(node)
    if not isinstance(node.op, type):
        return False
    numbers = [_number(x) for x in node.inputs]
    return has_rule(node.op, [x.dtype for x in node.inputs], numbers)


def _number(node: Node) -> Any:
    """The number that an operand is, if it is a constant."""
    node = behind_views(node)
    return node.array[()] if node.array is not None and node.shape == () else None


def _is_within(node: Node) -> bool:
    """Whether a gather's index is no larger than what it looks into."""
    axis, (x, places) = node.params["axis"], node.inputs
    return all(i == axis or n <= x.shape[i] for i, n in enumerate(places.shape))


def is_reduction(node: Node) -> bool:
    """Whether loops over its input compute a node, one element after the other."""
    return isinstance(node.op, type) and issubclass(node.op, Reduction)


def own_cost(node: Node) -> int:
    """What an element costs without its inputs, in additions; movement is free."""
    if node.op in VIEWS or node.op in CHECKS or node.op in (INPUT, CONSTANT):
        return 0
    if "kernel" in node.params:
        return 3 * math.prod(node.params["kernel"])
    return cost(node.op) if is_inlined(node) else 1
