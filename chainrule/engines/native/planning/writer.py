"""From kernels to regions: every kernel gets its function, and the function its arguments.

A group of kernels that need not wait for each other makes up to three regions: copies of what
its products read, the kernels, and what is made of results that a product left in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule.engines.native.code.buffers import STATUS, Buffer
from chainrule.engines.native.code.functions import KERNEL, Written
from chainrule.engines.native.code.likeness import Likeness
from chainrule.engines.native.code.nest_code import NestCode
from chainrule.engines.native.graph.nodes import LOOP, PRODUCT
from chainrule.engines.native.kernels.own_kernels import CODES
from chainrule.engines.native.planning.fusion import CALL, NEST, OWN, Kernel
from chainrule.engines.native.planning.loop_writer import LoopWriter
from chainrule.engines.native.planning.product_writer import ProductWriter
from chainrule.engines.native.planning.regions import Function, Region, Repeated

if TYPE_CHECKING:
    from chainrule.engines.native.planning.plan import Plan


@dataclass(slots=True)
class Step:
    """The regions of a group of kernels.

    Args: number: of the group; the lives of buffers are told in such numbers.
    """

    number: int
    kernels: list[Kernel]
    before: Region = field(default_factory=Region)
    main: Region = field(default_factory=Region)
    after: Region = field(default_factory=Region)

    def __post_init__(self) -> None:
        self.main.kernels = self.after.kernels = self.kernels

    def regions(self) -> Iterator[Region]:
        """Those in which something happens."""
        for region in (self.before, self.main, self.after):
            if region.functions or region.call:
                yield region


class Writer:
    """Writes the code of a plan in which all else is decided.

    What it finds: `regions` in their order, `loops` over some of them, `bodies`, the plans of
    these loops by the place of their kernel, `prelude`, what the body of a loop does once
    before its turns, `extra`, the memory that is no node's, and `ends`, how many regions there
    are up to the end of each group.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.regions: list[Region] = []
        self.loops: list[Repeated] = []
        self.bodies: dict[int, Plan] = {}
        self.prelude = Region()
        self.extra: list[Buffer] = []
        self.ends: list[int] = []
        self.packs: dict[tuple, Buffer] = {}  # copies of operands, by what was copied and how

    def write(self) -> None:
        for number, kernels in enumerate(self.plan.groups):
            step = Step(number, kernels)
            for kernel in kernels:
                self._kernel(kernel, step)
            self.regions += step.regions()
            self.ends.append(len(self.regions))

    def _kernel(self, kernel: Kernel, step: Step) -> None:
        if kernel.kind == CALL:
            step.main.call = kernel.nodes[0]
        elif kernel.kind == LOOP:
            self._loop(kernel, step)
        elif not any(node.size for node in kernel.nodes):
            return
        elif kernel.kind == PRODUCT:
            ProductWriter(self, kernel, step).write()
        elif kernel.kind == OWN:
            self._own(kernel, step)
        elif kernel.kind == NEST:
            self._nest(kernel, step)

    def _loop(self, kernel: Kernel, step: Step) -> None:
        """The regions of a loop, and how often those of its body run."""
        loop = LoopWriter(self, kernel, step.number)
        before, turn = loop.write()
        first = len(self.regions) + len(before)
        self.regions += [*before, *turn]
        self.loops.append(Repeated(first, len(self.regions), loop.length))
        self.bodies[kernel.place] = loop.plan

    def _own(self, kernel: Kernel, step: Step) -> None:
        (node,) = kernel.nodes
        places = self.plan.places()
        code = CODES[node.op](node, places, self.plan.lanes, self.plan.fused)
        emitter = code.write(KERNEL)
        self.call(step.main, kernel, (emitter, code.chunks), places.arguments())

    def _nest(self, kernel: Kernel, step: Step) -> None:
        assert kernel.nest is not None
        code = NestCode(kernel.nest, self.plan.places(), self.plan.target)

        def write() -> Written:
            return code.write(KERNEL), code.chunks

        key = Likeness(code.places).key(kernel.nest)
        written = self.plan.functions.once(("nest", *key), write)
        self.call(step.main, kernel, written, code.places.arguments())

    def call(
        self, region: Region, kernel: Kernel, written: Written, given: dict[str, Buffer],
        *, role: str = "", label: str = "", flops: int = 0,
    ) -> None:  # fmt: skip
        """Put a call of a function into a region.

        Args: given: what lies in each parameter, by its name.
        """
        emitter, chunks = written
        given = given | {"status": STATUS}
        reads, writes = [
            tuple([i for i, p in enumerate(emitter.parameters) if p in touched])
            for touched in (emitter.loads, emitter.stores)
        ]
        region.functions.append(Function(
            self.plan.functions.add(emitter), [given[p] for p in emitter.parameters], chunks,
            kernel, role or kernel.kind, label or repr(kernel.nodes), flops, reads, writes,
            tuple(emitter.parameters),
        ))  # fmt: skip
