"""Long reductions to few results in two steps, so that there is work for all threads.

    Σ over n, h, w   →   Σ over h, w for each n, then Σ over n

How it is divided follows from the sizes alone, so the rounding does not depend on the threads.
"""

from __future__ import annotations

import math

from chainrule import dtypes
from chainrule.engines.native.graph.nodes import Builder, Node
from chainrule.engines.native.rewrites.rewriting import Rule
from chainrule.ops.extremum import Amax, Amin
from chainrule.ops.movement import Reshape
from chainrule.ops.reduction import All, AnyTrue, Product, Sum

LONG = 1 << 14  # elements
ENOUGH = 16  # rows, or groups of columns, for the threads to share
PARTS = 32
TALL = 1 << 18  # elements of columns that are cut in any case


def split(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    (x,) = inputs
    axes = node.params["axes"]
    rows = axes == tuple(range(len(x.shape) - len(axes), len(x.shape)))
    # in rows every result is a task; columns are shared by the lanes
    results = node.size if rows else node.size // 16
    if x.size < LONG or not axes or x.dtype in dtypes.HALVES:
        return None
    if results >= ENOUGH and not _is_tall(x, axes):
        return None
    first = max(axes, key=lambda axis: (min(x.shape[axis], PARTS), -axis))
    if len(axes) > 1 and x.shape[first] >= PARTS // 4:
        return _in_two_steps(b, node, x, first, axes)
    parts = max([k for k in range(1, 2 * PARTS + 1) if x.shape[first] % k == 0])
    if parts < PARTS // 8 or parts == x.shape[first]:
        return None
    cut = (*x.shape[:first], parts, x.shape[first] // parts, *x.shape[first + 1 :])
    moved = sorted([first, *[i + (i >= first) for i in axes]])
    return _in_two_steps(b, node, b(Reshape, x, shape=cut), first, tuple(moved))


def _is_tall(x: Node, axes: tuple[int, ...]) -> bool:
    """Whether each column runs through much more memory than is near at a time."""
    columns = axes == tuple(range(len(axes))) and len(axes) < len(x.shape)
    return columns and x.size >= TALL


def _in_two_steps(b: Builder, node: Node, x: Node, first: int, axes: tuple[int, ...]) -> Node:
    rest = tuple([axis for axis in axes if axis != first])
    inner = b(node.op, x, axes=rest, keepdim=True)
    total = b(node.op, inner, axes=(first,), keepdim=True)
    assert total.size == math.prod(node.shape)
    return b(Reshape, total, shape=node.shape)


SPLITTING: dict[object, Rule] = dict.fromkeys((Sum, Product, Amax, Amin, All, AnyTrue), split)
