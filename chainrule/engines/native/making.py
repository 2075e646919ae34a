"""From a graph to machine code: all that a program from the disk does without.

This is most of the engine and takes a while to load, so engine.py loads it when it is needed.
"""

from __future__ import annotations

from chainrule.engines.native.code.compilation import Compilation
from chainrule.engines.native.planning.drawing import drawn
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.reporting.measure import measured as measured
from chainrule.engines.native.reporting.report import Report as Report
from chainrule.engines.native.running.blueprint import Blueprint
from chainrule.engines.native.running.pool import native
from chainrule.engines.native.running.target import target
from chainrule.ir.graph import Graph


def made(graph: Graph, donations: dict[int, int]) -> tuple[Plan, Blueprint, list[bytes]]:
    """The plan of a graph, the same as plain data, and the object files of its functions.

    Args: donations: output → the input whose memory it may take.
    """
    with Compilation(target()) as compilation:
        compilation.first(native)  # the code of the threads, which is needed next
        plan = Plan.of(graph, target(), donations, compilation)
        objects = compilation.objects()
    plan.lap("LLVM")  # what was left of it when everything was written
    return plan, drawn(plan, graph), objects


def planned(graph: Graph, donations: dict[int, int]) -> Plan:
    """The plan of a graph whose program is there already."""
    return Plan.of(graph, target(), donations)
