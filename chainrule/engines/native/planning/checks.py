"""Which kernels can find something wrong that no kernel before them looked at.

What is written over the inputs is written after the last such check. That the numbers of an
embedding are in range is found where its rows are read; adding up the gradient asks again, and
cannot find anything new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.engines.native.graph.nodes import CONSTANT, LOOP, Node
from chainrule.engines.native.graph.views import CHECKS
from chainrule.engines.native.planning.fusion import CALL, Kernel
from chainrule.ops.checking import InRange
from chainrule.ops.conversion import Copy
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.indexing import Gather, Index, IndexAdd, IndexPut, Scatter, ScatterAdd
from chainrule.ops.movement import Expand, Flip, Permute, Reshape
from chainrule.ops.scattering import ScatterAmax, ScatterAmin, ScatterMultiply

#: they show all elements of their input
WHOLE = (Reshape, Permute, Expand, Flip, Copy, *CHECKS)
#: they look up places on `axes`; the index tensors are the inputs from this one on
BY_AXES = {Index: 1, IndexAdd: 2, IndexPut: 2}
ALONG_AXIS = (Gather, Scatter, ScatterAdd, ScatterMultiply, ScatterAmax, ScatterAmin)

Fact = tuple[Any, ...]


def last_check(kernels: list[Kernel], group_of: dict[int, int], stored: set[int]) -> int:
    """The last group in which something wrong can be found first; -1 if there is none."""
    last, known = -1, set[Fact]()
    for kernel in kernels:
        found = set(facts(kernel, stored)) - known
        if found:
            last = max(last, group_of[kernel.place])
        known |= with_answers(found)
    return last


def with_answers(found: set[Fact]) -> set[Fact]:
    """What holds once these facts were looked at."""
    return found | {(*fact[:-1], True) for fact in found if fact[0] == "index"}


def facts(kernel: Kernel, stored: set[int]) -> Iterator[Fact]:
    """What must hold so that a kernel finds nothing wrong."""
    for node in kernel.nodes:
        if kernel.kind == CALL:
            if not issubclass(node.op, Elementwise):  # which compute whatever they are given
                yield "call", id(node)
        elif node.op == LOOP:
            for y in node.params["body"].outputs:
                if any(True for _ in _below(y, set())):
                    yield "loop", id(node)
        else:
            yield from _below(node, stored)


def _below(node: Node, stored: set[int]) -> Iterator[Fact]:
    """What a node checks, and what is computed with it."""
    stack, seen = [node], {id(node)}
    while stack:
        x = stack.pop()
        yield from _own(x)
        for y in x.inputs:
            if id(y) not in stored and id(y) not in seen:
                seen.add(id(y))
                stack.append(y)


def _own(node: Node) -> Iterator[Fact]:
    if node.op is InRange:
        yield "index", id(_root(node)), node.params["limit"], False
    elif node.op in CHECKS:
        yield "check", id(_root(node)), node.op
    elif node.op in BY_AXES:
        places = node.inputs[BY_AXES[node.op] :]
        for place, axis in zip(places, node.params["axes"], strict=True):
            yield from _in_range(place, node.inputs[0].shape[axis], True)
    elif node.op in ALONG_AXIS:
        size = node.inputs[0].shape[node.params["axis"]]
        yield from _in_range(node.inputs[1], size, False)


def _in_range(places: Node, size: int, wraps: bool) -> Iterator[Fact]:
    """That the numbers are places of an axis; nothing if that is known already."""
    root = _root(places)
    if root.op is CONSTANT:
        numbers = np.asarray(root.array)
        if np.all((numbers >= (-size if wraps else 0)) & (numbers < size)):
            return
    yield "index", id(root), size, wraps


def _root(node: Node) -> Node:
    """The node whose elements this one shows."""
    while node.op in WHOLE:
        node = node.inputs[0]
    return node
