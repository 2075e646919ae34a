"""Why regions wait for each other, and what lies in memory at one time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.planning.fusion import Kernel
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.planning.regions import COPY, PACK, Function, Region
from chainrule.engines.native.reporting.accounting import (
    Owner,
    names_of,
    origin,
    owners,
    touched,
)

LARGEST = 5  # buffers named at the peak of the memory


@dataclass(frozen=True)
class Wait:
    """Why a region begins only after the one before has ended."""

    region: int
    kernel: str
    why: str


@dataclass(frozen=True)
class MemoryReport:
    """Where the values between kernels lie, in bytes.

    Args:
        arena: of the one piece of memory that they share.
        separate: what they would take without sharing.
        peak: what lives at one time at most, in the given group of kernels; `kernel` is the one
            that has to do with most of it, `equation` the first that it computes.
        largest: (value, bytes, module, line) of the largest that live then.
        in_place: output → the input that it is written over.
        kept: output → why its input is not written over.
    """

    arena: int
    separate: int
    peak: int
    region: int
    kernel: int | None
    equation: int
    module: str
    line: str
    largest: list[tuple[str, int, str, str]]
    in_place: dict[int, int]
    kept: dict[int, str]


def waits(plan: Plan) -> Iterator[Wait]:
    """For each region after the first, what it needs of the region before it."""
    names = names_of(plan)
    known = {id(owner.kernel): owner for owner in owners(plan)}
    begins = {loop.first: loop.times for loop in plan.loops}
    for number in range(1, len(plan.regions)):
        place = _place(plan.regions[number], known)
        why = _dependency(plan, number, names, known)
        if number in begins:
            why += f"; and each of {begins[number]} turns for the one before"
        yield Wait(number, place, why)


def _dependency(plan: Plan, number: int, names: dict[int, str], known: dict[int, Owner]) -> str:
    region, former = plan.regions[number], plan.regions[number - 1]
    for call, tense in ((region.call, "is"), (former.call, "was")):
        if call is not None:
            return f"{call!r} {tense} computed by NumPy"
    made, seen = [_by_buffer(former, written) for written in (True, False)]
    for function in region.functions:
        _, writes = touched(function)
        for buffer in function.buffers:
            what, me = names.get(id(buffer), buffer.label), _said(function, known)
            if (maker := made.get(id(buffer))) is not None:
                return f"{me} needs {what} of {_said(maker, known)}"
            if buffer in writes and (reader := seen.get(id(buffer))) is not None:
                return f"{me} writes over {what}, which {_said(reader, known)} reads"
    if all(function.role in (PACK, COPY) for function in region.functions):
        return "what a kernel reads is copied right before it"
    if any(loop.stop == number for loop in plan.loops):
        return "the turns of a loop come first"
    return "memory that was in use takes other values"


def _place(region: Region, known: dict[int, Owner]) -> str:
    """The name of its first kernel."""
    kernels = [*region.kernels, *[function.kernel for function in region.functions]]
    return known[id(kernels[0])].name


def _said(function: Function, known: dict[int, Owner]) -> str:
    beside = "" if function.role == function.kernel.kind else f" ({function.role})"
    return f"kernel {known[id(function.kernel)].name}{beside}"


def _by_buffer(region: Region, written: bool) -> dict[int, Function]:
    """Who of a region writes or reads each buffer, by the buffer's id."""
    found = {}
    for function in region.functions:
        for buffer in touched(function)[written]:
            found[id(buffer)] = function
            if buffer.base is not None:
                found.setdefault(id(buffer.base), function)
    return found


def memory(plan: Plan) -> MemoryReport:
    """The most that lives in the arena at one time, and what that is."""
    buffers = [b for b in plan.own_buffers() if b.last >= 0]
    alive = [[b for b in buffers if b.first <= i <= b.last] for i in range(len(plan.groups))]
    totals = [sum(b.size for b in now) for now in alive]
    group = max(range(len(totals)), key=totals.__getitem__, default=0)
    now = sorted(alive[group] if alive else [], key=lambda b: -b.size)
    kernel = _heaviest(plan, group)
    first = kernel.nodes[0] if kernel else None
    module, line = origin(first) if first else ("", "")
    return MemoryReport(
        arena=plan.arena,
        separate=sum(b.size for b in buffers),
        peak=max(totals, default=0),
        region=group,
        kernel=kernel.place if kernel else None,
        equation=first.equation if first else -1,
        module=module,
        line=line,
        largest=_named(plan, now[:LARGEST]),
        in_place=dict(plan.taken),
        kept=dict(plan.kept),
    )


def _heaviest(plan: Plan, group: int) -> Kernel | None:
    """The kernel of a group that has to do with most of the arena."""

    def weight(kernel: Kernel) -> int:
        nodes = [*kernel.nodes, *kernel.reads.values()]
        buffers = [plan.buffers[id(n)] for n in nodes if id(n) in plan.buffers]
        return sum(b.size for b in buffers if b.home == "arena")

    return max(plan.groups[group], key=weight) if plan.groups else None


def _named(plan: Plan, buffers: list[Buffer]) -> list[tuple[str, int, str, str]]:
    nodes = {id(plan.buffers[id(n)]): n for n in plan.order if id(n) in plan.buffers}
    found = []
    for buffer in buffers:
        node = nodes.get(id(buffer))
        places = origin(node) if node else ("", "")
        found.append((repr(node) if node else buffer.label, buffer.size, *places))
    return found
