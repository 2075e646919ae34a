"""Which values need no memory of their own: they stay in registers, or take over an input's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.engines.native.graph.nodes import LOOP, PRODUCT, Node
from chainrule.engines.native.planning.checks import last_check
from chainrule.engines.native.planning.fusion import Kernel

if TYPE_CHECKING:
    from chainrule.engines.native.planning.plan import Plan


def taken_over(plan: Plan, donations: dict[int, int]) -> tuple[dict[int, int], dict[int, str]]:
    """Which outputs are written over the input that they replace, and why others are not."""
    last = last_check(plan.kernels, plan.group_of, plan.stored)
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
    if plan.group_of[kernel.place] <= last:
        return "a check that may stop the run comes as late"
    if not _is_last_reader(plan, kernel, root, given):
        return "the old value is read later, or at other places"
    return ""


def _is_last_reader(plan: Plan, kernel: Kernel, root: Node, given: Node) -> bool:
    """Whether nobody reads the old value later, and the kernel itself only in place."""
    group = plan.group_of[kernel.place]
    for other in plan.kernels:
        if id(given) not in other.reads or other is kernel:
            continue
        if plan.group_of[other.place] >= group:
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
    roots = {id(root) for root in plan.roots}
    readers = _readers(plan)
    local: set[int] = set()
    for kernel in plan.kernels:
        if kernel.nest is None:
            continue
        phases = kernel.nest.phases(plan.stored) if kernel.kind != PRODUCT else {}
        for node in kernel.nodes:
            elsewhere = readers.get(id(node), set()) - {kernel.place}
            if id(node) not in roots and not elsewhere and _stays(plan, kernel, node, phases):
                local.add(id(node))
    return local


def _readers(plan: Plan) -> dict[int, set[int]]:
    """By id of a node: the places of the kernels that read it."""
    readers: dict[int, set[int]] = {}
    for kernel in plan.kernels:
        found: list[int] = []
        if kernel.nest is not None:
            for unit in kernel.nest.units:
                found += [id(read.node) for read in kernel.nest.reads_of(unit, plan.stored)]
        if kernel.nest is None or kernel.kind == PRODUCT:
            found += kernel.reads
        for node in found:
            readers.setdefault(node, set()).add(kernel.place)
    return readers


def _stays(plan: Plan, kernel: Kernel, node: Node, phases: dict[int, int]) -> bool:
    """Whether a value is still in its register wherever its kernel reads it.

    Args: phases: in which loop of the nest each unit is computed; none of a product's.
    """
    nest = kernel.nest
    assert nest is not None
    if kernel.kind == PRODUCT and node is kernel.nodes[0]:
        return bool(node.params["parts"][0].sizes and nest.units)
    unit = next(u for u in nest.units if u.node is node)
    if unit.is_reduction or nest.is_outer(unit) or not phases:
        return True
    return all(
        phases[id(other.node)] == phases[id(node)]
        for other in nest.units
        if any(read.node is node for read in nest.reads_of(other, plan.stored))
    )
