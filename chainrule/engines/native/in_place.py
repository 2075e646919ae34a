"""Which values need no memory of their own: they stay in registers, or take over an input's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.engines.native.checks import last_check
from chainrule.engines.native.grouping import Kernel
from chainrule.engines.native.nodes import LOOP, PRODUCT, Node

if TYPE_CHECKING:
    from chainrule.engines.native.plan import Plan


def taken_over(plan: Plan, donations: dict[int, int]) -> tuple[dict[int, int], dict[int, str]]:
    """Which outputs are written over the input that they replace, and why others are not."""
    last = last_check(plan.kernels, plan.region_of, plan.stored)
    taken: dict[int, int] = {}
    kept: dict[int, str] = {}
    maker = {id(n): k for k in plan.kernels for n in k.nodes}
    for output, source in donations.items():
        root, given = plan.roots[output], plan.inputs[source]
        if source in taken.values():
            kept[output] = "another output takes the memory"
        elif why := _why_kept(plan, maker.get(id(root)), root, given, last):
            kept[output] = why
        else:
            taken[output] = source
    return taken, kept


def _why_kept(plan: Plan, kernel: Kernel | None, root: Node, given: Node, last: int) -> str:
    """Why an output cannot be written over its input; nothing where it can."""
    if kernel is None:
        return "nothing computes it"
    if kernel.kind == LOOP:
        return "a loop computes it, piece by piece"
    if root.shape != given.shape or root.dtype != given.dtype:
        return "it has another shape or type"
    if plan.region_of[kernel.place] <= last:
        return "a check that may stop the run comes as late"
    if not _is_last_reader(plan, kernel, root, given):
        return "the old value is read later, or at other places"
    return ""


def _is_last_reader(plan: Plan, kernel: Kernel, root: Node, given: Node) -> bool:
    """Whether nobody reads the old value later, and the kernel itself only in place."""
    region = plan.region_of[kernel.place]
    for other in plan.kernels:
        if id(given) not in other.reads or other is kernel:
            continue
        if plan.region_of[other.place] >= region:
            return False
    if id(given) not in kernel.reads:
        return True
    nest = kernel.nest
    if nest is None or (
        id(given) in {id(x) for x in kernel.nodes[0].inputs} and (kernel.kind == PRODUCT)
    ):
        return False
    unit = next((u for u in nest.units if u.node is root), None)
    if unit is None or nest.inner:
        return False
    position = nest.position(unit)
    return all(
        read.position == position and not read.where
        for other in nest.units
        for read in nest.reads_of(other, plan.stored)
        if read.node is given
    )


def in_registers(plan: Plan) -> set[int]:
    """Values that live in registers only: all their readers are at the same place."""
    local: set[int] = set()
    roots = {id(root) for root in plan.roots}
    readers: dict[int, set[int]] = {}
    for kernel in plan.kernels:
        for unit in kernel.nest.units if kernel.nest else ():
            for read in kernel.nest.reads_of(unit, plan.stored):  # type: ignore[union-attr]
                readers.setdefault(id(read.node), set()).add(kernel.place)
        if kernel.nest is None or kernel.kind == PRODUCT:
            for source in kernel.reads:
                readers.setdefault(source, set()).add(kernel.place)
    for kernel in plan.kernels:
        if kernel.nest is None:
            continue
        own = {kernel.place}
        loops = kernel.nest.loops(plan.stored) if kernel.kind != PRODUCT else {}
        for node in kernel.nodes:
            if id(node) in roots or not readers.get(id(node), own) <= own:
                continue
            if kernel.kind == PRODUCT and node is kernel.nodes[0]:
                if node.params["parts"][0].sizes and kernel.nest.units:
                    local.add(id(node))
            elif _stays_in_loop(plan, kernel, node, loops):
                local.add(id(node))
    return local


def _stays_in_loop(plan: Plan, kernel: Kernel, node: Node, loops: dict[int, int]) -> bool:
    nest = kernel.nest
    assert nest is not None
    unit = next(u for u in nest.units if u.node is node)
    if unit.is_reduction or nest.is_outer(unit) or not loops:
        return True
    return all(
        loops[id(other.node)] == loops[id(node)]
        for other in nest.units
        if any(read.node is node for read in nest.reads_of(other, plan.stored))
    )
