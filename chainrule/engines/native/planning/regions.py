"""What runs at the same time: calls of generated functions, or one primitive of Python's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.graph.nodes import LOOP, Node
from chainrule.engines.native.planning.fusion import CALL, Kernel, dependencies

#: what functions do beside computing the nodes of a kernel
PACK, ADD, COPY = "pack", "add parts", "copy a state"


@dataclass(slots=True, eq=False)
class Function:
    """A call of a generated function: its arguments and its number of chunks.

    Args:
        role: what it is to its kernel: the kernel's kind, or PACK, ADD, COPY.
        reads, writes: the places of the arguments that it loads from and stores through.
    """

    name: str
    buffers: list[Buffer]
    chunks: int
    kernel: Kernel
    role: str
    label: str
    flops: int = 0
    reads: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()  # their names in the code


@dataclass(slots=True, eq=False)
class Region:
    """Functions that may run at the same time, or one primitive that Python computes."""

    functions: list[Function] = field(default_factory=list)
    call: Node | None = None
    kernels: list[Kernel] = field(default_factory=list)


@dataclass(slots=True)
class Repeated:
    """Regions of a plan, from `first` up to `stop`, that run `times` times."""

    first: int
    stop: int
    times: int


def concurrent(kernels: Iterable[Kernel]) -> list[list[Kernel]]:
    """The kernels in their order, in groups of those that need not wait for each other; what
    Python computes, and a loop, is a group of its own."""
    kernels = list(kernels)
    needs = dependencies(kernels)
    groups: list[list[Kernel]] = []
    for kernel in kernels:
        last = groups[-1] if groups else []
        alone = any(k.kind in (CALL, LOOP) for k in (kernel, *last[-1:]))
        if not last or alone or needs[kernel.place] & {k.place for k in last}:
            groups.append([])
        groups[-1].append(kernel)
    return groups
