"""Operations that add up many halves are computed in float32 and rounded once."""

from __future__ import annotations

from chainrule import dtypes
from chainrule.engines.native.graph.nodes import Builder, Node
from chainrule.engines.native.kernels.own_kernels import CODES
from chainrule.engines.native.rewrites.rewriting import Rule, narrowed, widened


def in_float32(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """The same on float32, as every primitive computes with halves."""
    if not any(x.dtype in dtypes.HALVES for x in inputs):
        return None
    return narrowed(b, b(node.op, *widened(b, inputs), **node.params), node.dtype)


WIDENING: dict[object, Rule] = dict.fromkeys(
    [op for op in CODES if op.widens_halves],  # type: ignore[attr-defined]
    in_float32,
)
