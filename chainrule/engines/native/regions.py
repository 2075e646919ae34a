"""What runs at the same time: calls of generated functions, or one primitive of Python's."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.engines.native.grouping import Kernel
from chainrule.engines.native.memory_plan import Buffer
from chainrule.engines.native.nodes import Node


@dataclass(slots=True, eq=False)
class Function:
    """A call of a generated function: its arguments and its number of chunks.

    Args: reads, writes: the places of the arguments that it loads from and stores through.
    """

    name: str
    buffers: list[Buffer]
    chunks: int
    kernel: Kernel
    label: str
    flops: int = 0
    reads: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Region:
    """Functions that may run at the same time, or one primitive that Python computes."""

    functions: list[Function] = field(default_factory=list)
    call: Node | None = None
    kernels: list[Kernel] = field(default_factory=list)
