"""The passes in their order, each followed by the verifier."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from chainrule.compiler.passes.eliminate_common_subexpressions import (
    eliminate_common_subexpressions,
)
from chainrule.compiler.passes.eliminate_dead_code import eliminate_dead_code
from chainrule.compiler.passes.fold_constants import fold_constants
from chainrule.compiler.passes.narrow_loops import narrow_loops
from chainrule.ir.graph import Graph
from chainrule.ir.verifier import verify

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    eliminate_dead_code,
    fold_constants,
    eliminate_common_subexpressions,
    narrow_loops,
    eliminate_dead_code,
)


@dataclass(frozen=True)
class PassReport:
    """What one pass did."""

    name: str
    equations_before: int
    equations_after: int
    seconds: float


def optimize(graph: Graph, passes: tuple[Pass, ...] = PASSES) -> tuple[Graph, list[PassReport]]:
    """The graph after all passes, and a report on each. No pass changes a single bit."""
    verify(graph)
    reports = []
    for transform in passes:
        start = time.perf_counter()
        result = transform(graph)
        verify(result, sound=set(graph.equations))
        seconds = time.perf_counter() - start
        counts = len(graph.equations), len(result.equations)
        reports.append(PassReport(transform.__name__, *counts, seconds))
        graph = result
    return graph, reports
