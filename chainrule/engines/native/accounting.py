"""What the generated functions do: what they read and write, and how much they compute."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.engines.native.grouping import Kernel
from chainrule.engines.native.memory_plan import Buffer
from chainrule.engines.native.nodes import CONSTANT, INPUT, LOOP, PRODUCT, Node
from chainrule.engines.native.plan import Plan
from chainrule.engines.native.regions import Function
from chainrule.engines.native.storing import is_nest_reduction
from chainrule.engines.native.views import CHECKS, VIEWS
from chainrule.ops.conversion import Convert

PACK, ADD, COPY = "pack", "add parts", "copy a state"  # functions beside a kernel's own
#: no arithmetic, or counted apart
FREE = {*VIEWS, *CHECKS, INPUT, CONSTANT, PRODUCT, LOOP, Convert}
NAME = re.compile(r"%[\w.]+")


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
    roles = [(id(f.kernel), role_of(f)) for _, f in every]
    found = []
    for (region, function), (kernel, role) in zip(every, roles, strict=True):
        adds = (kernel, ADD) in roles
        computes = role == ADD if adds else role not in (PACK, COPY)
        parts = roles.count((kernel, role)) if role not in (PACK, COPY) else 1
        owner = known[kernel]
        more = _arithmetic(owner) // parts if computes else 0
        read, written = _traffic(plan, function)
        n = times(plan, region)
        call = Call(owner.name, function.name, role, region, function.chunks, n,
                    n * (function.flops + more), n * read, n * written // parts)  # fmt: skip
        found.append((call, function))
    return found


def times(plan: Plan, region: int) -> int:
    """How often a region runs."""
    return math.prod(loop.times for loop in plan.loops if loop.first <= region < loop.stop)


def _traffic(plan: Plan, function: Function) -> tuple[int, int]:
    """Bytes of the buffers that are read, and of those that are written."""
    sets = accesses(plan.texts[function.name])
    read, written = [
        sum(b.size for p, b in given(plan, function) if p in parameters) for parameters in sets
    ]
    return read, written


def role_of(function: Function) -> str:
    """What the function is to its kernel."""
    if function.label.startswith(PACK):
        return PACK
    if function.label == COPY:
        return COPY
    if not function.flops and any(buffer.label == "partial" for buffer in function.buffers):
        return ADD
    return function.kernel.kind


def _arithmetic(owner: Owner) -> int:
    """Operations on floats beside those of products: one for each element of each."""
    nodes = computed(owner.kernel, owner.plan.stored)
    return sum(_operations(node) for node in nodes if node.op not in FREE)


def _operations(node: Node) -> int:
    if node.dtype.kind != "f":
        return 0
    taps = math.prod(node.params.get("kernel", ()))
    return taps * (node.inputs[0].size if is_nest_reduction(node) else node.size)


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


@functools.lru_cache(maxsize=4096)
def accesses(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The parameters through which a function reads, and through which it writes."""
    lines = iter(text.splitlines())
    roots = {f"%{name}": {name} for name in _parameters(next(lines))}
    read: set[str] = set()
    written: set[str] = set()
    for line in lines:
        if line == "}":
            break
        result, equals, rest = line.strip().partition(" = ")
        words = rest if equals else result
        found = set().union(*[roots[x] for x in NAME.findall(words) if x in roots])
        if words.startswith("load") or (equals and words.startswith("call <")):
            read |= found
        elif equals and found:  # another address
            roots[result] = found
        elif words.startswith(("store", "call void @llvm.masked")):
            written |= found
    return frozenset(read), frozenset(written)


def _parameters(text: str) -> list[str]:
    """Of a function, in their order."""
    return re.findall(r"noundef %(\w+)", text.partition("\n")[0])


def given(plan: Plan, function: Function) -> list[tuple[str, Buffer]]:
    """The parameters and what is handed to them."""
    names = _parameters(plan.texts[function.name])
    return list(zip(names, function.buffers, strict=True))


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
