"""From a finished plan to its blueprint."""

from __future__ import annotations

import math
from collections.abc import Iterator

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.graph.nodes import CONSTANT, LOOP
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.planning.regions import Function, Region
from chainrule.engines.native.running.blueprint import Blueprint, Seen, constants_of
from chainrule.ir.graph import Graph
from chainrule.ops.movement import Reshape


def drawn(plan: Plan, graph: Graph) -> Blueprint:
    """The blueprint of a finished plan."""
    memory = _Memory(plan, graph)
    functions: list[tuple[str, int, list[tuple[int, int, int]]]] = []
    regions: list[list[int]] = []
    for region in plan.regions:
        start = len(functions)
        functions += [
            (f.name, f.chunks, [memory.argument(b) for b in f.buffers])
            for f in longest_first(region)
        ]
        regions.append([-1] if region.call is not None else list(range(start, len(functions))))
    loops = [(loop.first, loop.stop, loop.times) for loop in plan.loops]
    return Blueprint(plan.arena, memory.found, functions, regions, loops, _guard(plan),
                     sorted(plan.taken.items()), list(_seen(plan, graph)))  # fmt: skip


def _seen(plan: Plan, graph: Graph) -> Iterator[Seen]:
    """The values of the graph that lie in memory as they are."""
    groups = {id(node): plan.group_of[k.place] for k in plan.kernels for node in k.nodes}
    for equation, node in sorted(plan.values.items(), key=lambda value: value[0]):
        while node.op is Reshape and id(node) not in groups:
            node = node.inputs[0]
        output = graph.equations[equation].output
        buffer = plan.buffers.get(id(node))
        if buffer is None or node.op == LOOP or not {id(node)} <= groups.keys() - plan.local:
            continue
        if node.dtype != output.dtype or node.size != math.prod(output.shape):
            continue
        begins, ends = plan.ends[groups[id(node)]] - 1, len(plan.regions) - 1
        order = list(plan.orders.get(id(node), ()))
        if buffer.home == "arena":
            ends = plan.ends[buffer.last] - 1
            yield Seen(equation, "arena", buffer.offset, begins, ends, list(node.shape), order)
        elif buffer.home == "output":
            yield Seen(equation, "output", buffer.number, begins, ends, list(node.shape), order)


def longest_first(region: Region) -> list[Function]:
    """The functions of a region in the order in which they begin."""
    return sorted(region.functions, key=lambda f: -f.flops)


class _Memory:
    """Numbers the pieces of memory in the order in which they are met."""

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.found: list[tuple[str, int]] = []
        self._numbers: dict[int, int] = {}
        places = {id(array): i for i, array in enumerate(constants_of(graph))}
        self._constants = {
            node.number: places[id(node.array)] for node in plan.order
            if node.op is CONSTANT and id(node.array) in places
        }  # fmt: skip

    def argument(self, buffer: Buffer) -> tuple[int, int, int]:
        whole = buffer.base or buffer
        if id(whole) not in self._numbers:
            self._numbers[id(whole)] = len(self.found)
            self.found.append((whole.home, self._number(whole)))
        offset = buffer.offset if buffer.base is not None else 0
        return self._numbers[id(whole)], offset, buffer.stride

    def _number(self, buffer: Buffer) -> int:
        if buffer.home == "constant":
            return self._constants[buffer.number]
        return buffer.offset if buffer.home == "arena" else buffer.number


def _guard(plan: Plan) -> int:
    """The first region that writes over an input."""
    over = {id(plan.buffers[id(plan.roots[output])]) for output in plan.taken}
    for number, region in enumerate(plan.regions):
        if any(_writes(plan, region, over)):
            return number
    return -1


def _writes(plan: Plan, region: Region, over: set[int]) -> list[bool]:
    return [
        id(plan.buffers[id(node)]) in over
        for function in region.functions
        for node in function.kernel.nodes
        if id(node) in plan.buffers
    ]
