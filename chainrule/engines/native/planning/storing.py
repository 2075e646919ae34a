"""Which values are put into memory; all others are computed where they are read.

A value is stored if it is a result, if a product or an operation of many passes makes or reads
it, and if computing it again at each of its readers would cost more than reading it.
"""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.engines.native.code.nest import Nest, Unit, unit_of
from chainrule.engines.native.graph.expression import NeedsMemory
from chainrule.engines.native.graph.inlining import is_inlined, is_reduction, own_cost
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, LOOP, PRODUCT, Node, Shape
from chainrule.engines.native.graph.views import VIEWS, behind_views
from chainrule.engines.native.kernels.own_kernels import operands
from chainrule.ops.conversion import Copy
from chainrule.ops.movement import Reshape
from chainrule.ops.slicing import Slice
from chainrule.ops.window import WindowArgmax

AGAIN = 14  # what may be computed again at each reader, in units of an addition
STRETCHED = 4  # the same for a value that a larger one reads many times
READ = 4  # what reading an element from memory costs
DEEPEST = 48  # as many nodes at most in one expression


class Stored(set[int]):
    """The ids of the nodes that are stored, and why each is."""

    def __init__(self) -> None:
        self.why: dict[int, str] = {}

    def put(self, node: Node, why: str) -> None:
        self.add(id(node))
        self.why.setdefault(id(node), why)


def decide(order: list[Node], outputs: Iterable[Node]) -> Stored:
    """The nodes that are stored."""
    stored = Stored()
    for node in outputs:
        stored.put(node, "a result")
    for node in order:
        if _always(node):
            stored.put(node, f"{node.name} makes each element of many")
        if node.op is PRODUCT or not (is_inlined(node) or is_reduction(node)):
            for x in operands(node):
                shown = behind_views(x) if node.op is PRODUCT else x
                stored.put(shown, f"an operand of {node.name}")
    _store_costly(order, stored)
    return stored


def _store_costly(order: list[Node], stored: Stored) -> None:
    """Store what costs too much to be computed again at each of its readers."""
    costs: dict[int, tuple[int, int]] = {}  # what computing costs here, and of how many nodes
    for node in order:
        if id(node) in stored:
            costs[id(node)] = (READ if node.size > 1 else 0, 1)
            continue
        own = own_cost(node)
        below = [costs[id(x)] for x in node.inputs]
        price = own + sum(c for c, _ in below)
        deep = 1 + sum(n for _, n in below)
        if own and (why := _worth_storing(node, price, deep, stored)):
            stored.put(node, why)
            price, deep = READ, 1
        costs[id(node)] = (price, deep)


def piece(node: Node) -> tuple[Node, int] | None:
    """The loop, and the first element, if a node is a contiguous piece of a loop's results."""
    start, x = 0, node
    while x.op in (Reshape, Slice, Copy):
        source = x.inputs[0]
        if x.op is Slice:
            first = _first_of_piece(x.params["slices"], source.shape)
            if first is None:
                return None
            start += first
        x = source
    return (x, start) if x.op == LOOP and x is not node else None


def _first_of_piece(slices: tuple, shape: Shape) -> int | None:
    """Where a slice begins, if its elements lie one after another."""
    start, stride, whole = 0, 1, True
    for (low, high, step), n in reversed(list(zip(slices, shape, strict=True))):
        if step != 1 or (not whole and high - low != 1):
            return None
        whole = whole and high - low == n
        start += low * stride
        stride *= n
    return start


def _always(node: Node) -> bool:
    if node.op is CONSTANT:
        return node.size > 1 or node.shape != ()
    return node.op is INPUT or not is_inlined(node)


def _worth_storing(node: Node, price: int, deep: int, stored: set[int]) -> str:
    """Why to store the value rather than compute it again; nothing if there is no reason."""
    readers, factor = _readers(node, stored)
    if deep > DEEPEST:
        return f"an expression of {deep} operations"
    if factor > 1 and price > STRETCHED:
        return f"read {factor:g} times by a larger value, and costs {price}"
    if len(readers) > 1 and price > AGAIN and not _is_cut_up(node, stored):
        return f"read by {len(readers)}, and costs {price}"
    return ""


def _is_cut_up(node: Node, stored: set[int]) -> bool:
    """Whether the readers read different parts, so that nothing would be computed twice."""
    if any(user.op is not Slice for user in node.users):
        return False
    read = sum(user.size * len(_readers(user, stored)[0]) for user in node.users)
    return read <= node.size


def _readers(node: Node, stored: set[int]) -> tuple[set[int], float]:
    """The stored nodes and others that compute with the value directly or through movement,
    and how many times larger the largest of them is."""
    readers: set[int] = set()
    factor, stack, seen = 1.0, [node], set()
    while stack:
        for user in stack.pop().users:
            if id(user) in seen:
                continue
            seen.add(id(user))
            whole = max([user.size, *[x.size for x in user.inputs]])
            if "kernel" in user.params and user.op is not WindowArgmax:
                factor = max(factor, 2.0)
            factor = max(factor, whole / max(1, node.size))
            if user.op in VIEWS and id(user) not in stored:
                stack.append(user)
            else:
                readers.add(id(user))
    return readers, factor


def settle(nodes: list[Node], stored: Stored) -> None:
    """Store also what could not be read otherwise: reshaped, without an index of its own."""
    for node in nodes:
        while id(node) in stored and node.op not in (INPUT, CONSTANT):
            try:
                _try_reading(node, stored)
                break
            except NeedsMemory as missing:
                stored.put(missing.node, "no index of its own where it is read reshaped")
                settle([missing.node], stored)  # for all others there is less to do now


def _try_reading(node: Node, stored: set[int]) -> None:
    if node.op == PRODUCT or not (is_inlined(node) or is_reduction(node)):
        for x in node.inputs:
            if id(x) not in stored:
                unit = Unit(x, tuple([n for n in x.shape if n != 1]), ())
                Nest(unit.space).reads_of(unit, stored)
        return
    unit = unit_of(node)
    Nest(unit.space, unit.reduced).reads_of(unit, stored)
