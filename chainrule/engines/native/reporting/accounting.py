"""What the generated functions do: what they read and write, and how much they compute."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.engines.native.code.buffers import STATUS, Buffer
from chainrule.engines.native.graph.inlining import is_reduction
from chainrule.engines.native.graph.nodes import CONSTANT, INPUT, LOOP, PRODUCT, Node
from chainrule.engines.native.graph.views import CHECKS, VIEWS
from chainrule.engines.native.planning.fusion import Kernel
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.planning.regions import ADD, COPY, PACK, Function
from chainrule.ops.conversion import Convert

#: no arithmetic, or counted apart
FREE = {*VIEWS, *CHECKS, INPUT, CONSTANT, PRODUCT, LOOP, Convert}


@dataclass(frozen=True)
class Call:
    """One call of a generated function.

    Args:
        function: its name in the code; equal functions are one.
        role: the kind of its kernel, or PACK, ADD, COPY.
        times: how often it runs, in a loop.
        flops, read, written: of all times together; the latter in bytes of whole buffers.
    """

    kernel: str
    function: str
    role: str
    region: int
    chunks: int
    times: int
    flops: int
    read: int
    written: int


@dataclass(frozen=True)
class Owner:
    """A kernel, and the plan it belongs to: the whole, or the body of a loop.

    Args: name: its number, such as 3; of a body, behind the number of the loop: 3.0.
    """

    name: str
    kernel: Kernel
    plan: Plan


def owners(plan: Plan, prefix: str = "") -> Iterator[Owner]:
    """All kernels, those of loops behind their loop."""
    for kernel in plan.kernels:
        name = f"{prefix}{kernel.place}"
        yield Owner(name, kernel, plan)
        if (body := plan.bodies.get(kernel.place)) is not None:
            yield from owners(body, f"{name}.")


def calls(plan: Plan) -> list[tuple[Call, Function]]:
    """Every call of a generated function, in the order of the regions."""
    known = {id(owner.kernel): owner for owner in owners(plan)}
    every = [(i, f) for i, region in enumerate(plan.regions) for f in region.functions]
    roles = [(id(f.kernel), f.role) for _, f in every]
    found = []
    for (region, function), (kernel, role) in zip(every, roles, strict=True):
        adds = (kernel, ADD) in roles
        computes = role == ADD if adds else role not in (PACK, COPY)
        parts = roles.count((kernel, role)) if role not in (PACK, COPY) else 1
        owner = known[kernel]
        more = _arithmetic(owner) // parts if computes else 0
        read, written = _traffic(function)
        n = times(plan, region)
        call = Call(owner.name, function.name, role, region, function.chunks, n,
                    n * (function.flops + more), n * read, n * written // parts)  # fmt: skip
        found.append((call, function))
    return found


def times(plan: Plan, region: int) -> int:
    """How often a region runs."""
    return math.prod(loop.times for loop in plan.loops if loop.first <= region < loop.stop)


def _traffic(function: Function) -> tuple[int, int]:
    """Bytes of the buffers that are read, and of those that are written."""
    read, written = [sum(buffer.size for buffer in found) for found in touched(function)]
    return read, written


def touched(function: Function) -> tuple[list[Buffer], list[Buffer]]:
    """The buffers that a function reads, and those that it writes, the status among them."""
    reads = [function.buffers[i] for i in function.reads]
    writes = [
        buffer for i, buffer in enumerate(function.buffers)
        if i in function.writes or buffer is STATUS
    ]  # fmt: skip
    return reads, writes


def _arithmetic(owner: Owner) -> int:
    """Operations on floats beside those of products: one for each element of each."""
    nodes = computed(owner.kernel, owner.plan.stored)
    return sum(_operations(node) for node in nodes if node.op not in FREE)


def _operations(node: Node) -> int:
    if node.dtype.kind != "f":
        return 0
    taps = math.prod(node.params.get("kernel", ()))
    return taps * (node.inputs[0].size if is_reduction(node) else node.size)


def origin(node: Node) -> tuple[str, str]:
    """The module and the user's line."""
    module, _, line = node.source.partition("at ")
    return module.strip(), line


def computed(kernel: Kernel, stored: set[int]) -> list[Node]:
    """All that a kernel computes: its stored nodes, each after what is computed for it."""
    found: dict[int, Node] = {}

    def visit(node: Node) -> None:
        for x in node.inputs:
            if id(x) not in stored and id(x) not in found and x.op is not CONSTANT:
                visit(x)
        found[id(node)] = node

    for node in kernel.nodes:
        visit(node)
    return list(found.values())


def names_of(plan: Plan) -> dict[int, str]:
    """What lies in each buffer, by the buffer's id."""
    names: dict[int, str] = {}
    for node in plan.order:
        if (buffer := plan.buffers.get(id(node))) is not None:
            where = f" ({buffer.home} {buffer.number})"
            shown = where if buffer.home in ("input", "output") else ""
            names.setdefault(id(buffer), f"{node!r}{shown}")
    for body in plan.bodies.values():
        names = names_of(body) | names
    return names
