"""The rewriting of a graph, step by step."""

from __future__ import annotations

from chainrule.engines.native.rewrites.decompose import DECOMPOSITIONS
from chainrule.engines.native.rewrites.movement import SIMPLER
from chainrule.engines.native.rewrites.pooling import POOLING
from chainrule.engines.native.rewrites.products import PRODUCTS
from chainrule.engines.native.rewrites.resampling import RESAMPLING
from chainrule.engines.native.rewrites.split_reductions import SPLITTING
from chainrule.engines.native.rewrites.widening import WIDENING

#: name → rules, in this order; those of a loop's body and of the graph around it
BODY_PASSES = (
    ("decompose", DECOMPOSITIONS | PRODUCTS | POOLING | RESAMPLING),
    ("widen", WIDENING),
    ("simplify", SIMPLER),
    ("split reductions", SPLITTING),
)
