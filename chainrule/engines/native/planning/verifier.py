"""A plan is gone through once more before it is compiled: is every value there when it is read?

What counts here is what was written, not why: the regions in the order in which they run, the
arguments of their functions, and which of these a function loads from and stores through.

    in one region           nobody waits: what one function writes, no other touches; and of
                            one function's arguments none overlaps another that is written
    from region to region   what a function reads was written before, by the one that it means,
                            and nothing was written over it since
    an input written over   nobody reads it later as the input, and nothing can go wrong later;
                            likewise a loop's state, which each turn writes anew
    the arena               values that live at one time do not overlap

Taken for granted is what one function does within the memory it is given: that its chunks write
different elements, that the parts of one product do, and that all together write all of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from chainrule.engines.native.code.buffers import Buffer
from chainrule.engines.native.graph.nodes import INPUT, PRODUCT
from chainrule.engines.native.planning.checks import Fact, facts, with_answers
from chainrule.engines.native.planning.fusion import CALL, Kernel
from chainrule.engines.native.planning.regions import Function, Region, Repeated

if TYPE_CHECKING:
    from chainrule.engines.native.planning.plan import Plan


def verify(plan: Plan) -> None:
    """Look at everything that a plan will do.

    Raises: AssertionError where it would read or write the wrong memory, which is a mistake of
        this engine.
    """
    memory, done = _MemoryState(plan), 0
    for loop, (place, body) in zip(plan.loops, plan.bodies.items(), strict=True):
        memory.regions(done, loop.first)
        states = body.inputs[: plan.kernels[place].nodes[0].params["states"]]
        memory.loop(loop, [body.buffers[id(x)] for x in states if x.size])
        done = loop.stop
    memory.regions(done, len(plan.regions))
    memory.results()


def verify_lives(buffers: Sequence[Buffer]) -> None:
    """Raise AssertionError where two buffers in use at one time overlap."""
    order = sorted(buffers, key=lambda b: b.offset)
    for i, a in enumerate(order):
        for b in order[i + 1 :]:
            if b.offset >= a.offset + a.size:
                break
            if a.first <= b.last and b.first <= a.last:
                raise AssertionError(f"{a.label} and {b.label} share memory while both live")


Memory = tuple[str, int]  # the home and the number of its buffers


class Access(NamedTuple):
    """What a function does with one of its arguments: bytes `low` up to `high`."""

    memory: Memory
    low: int
    high: int
    function: Function
    place: int  # among the arguments

    @property
    def buffer(self) -> Buffer:
        return self.function.buffers[self.place]


class _Owners:
    """Whose value lies in each byte of a piece of memory."""

    def __init__(self) -> None:
        self.starts = [0]
        self.owners: list[Buffer | None] = [None]

    def put(self, low: int, high: int, owner: Buffer) -> None:
        first, stop = bisect_left(self.starts, low), bisect_right(self.starts, high)
        behind = self.owners[stop - 1]
        self.starts[first:stop] = [low, high]
        self.owners[first:stop] = [owner, behind]

    def other(self, low: int, high: int, owner: Buffer) -> Buffer | None:
        """Whoever else has one of the bytes; the owner, if nobody has."""
        at = bisect_right(self.starts, low) - 1
        for found in self.owners[at : max(at + 1, bisect_left(self.starts, high))]:
            if found is not owner:
                return found
        return owner


class _MemoryState:
    """What lies in the memory, region after region."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        bodies = plan.bodies.items()
        plans = [*plan.bodies.values(), plan]
        self.buffers = {i: b for each in plans for i, b in each.buffers.items()}
        self.empty = {
            id(self.buffers[id(node)])
            for each in plans for node in (*each.inputs, *each.order)
            if not node.size and id(node) in self.buffers
        }  # fmt: skip
        self.inside = {id(buffer) for buffer in plan.extra}  # the memory of whole bodies
        self.unnamed = {id(b) for each in plans for b in each.extra}  # packed, or partial sums
        self.loops = {id(k): plan.kernels[i] for i, body in bodies for k in body.kernels}
        self.owners: dict[Memory, _Owners] = {}
        #: inputs and states of loops, which may be written over
        self.free = {id(self.buffers[id(plan.inputs[i])]) for i in plan.taken.values()}
        self.replaced: dict[int, Function] = {}  # which of them are, and by whom
        self.first: Function | None = None  # who wrote over an input first
        self.copied: dict[int, list[tuple[Buffer, bool]]] = {}  # of which, and when, are copies
        self.known: set[Fact] = set()

    def regions(self, first: int, stop: int, turns: tuple[int, int] = (0, 0)) -> None:
        """Some regions, one after the other, in some turns of a loop."""
        for region in self.plan.regions[first:stop]:
            self._region([*region.functions, *_called(region, self.buffers)], turns)

    def loop(self, loop: Repeated, states: Sequence[Buffer]) -> None:
        """The turns of a loop: the first, and twice all at once. If they go well after the
        first, and once more after what they wrote, they do so one by one."""
        every = (0, loop.times - 1)
        self.free |= {id(state) for state in states}
        for turns in ((0, 0), every, every):
            for state in states:
                self.replaced.pop(id(state), None)
            self.regions(loop.first, loop.stop, turns)
            for state in states:
                if id(state) not in self.replaced:
                    raise AssertionError(f"no turn writes the next {_named(state)}")

    def _region(self, functions: list[Function], turns: tuple[int, int]) -> None:
        """Everything that runs at the same time."""
        reads = [self._access(f, i, turns) for f in functions for i in f.reads]
        writes = [self._access(f, i, turns) for f in functions for i in f.writes]
        reads, writes = [
            [a for a in accesses if a.low < a.high and id(a.buffer) not in self.empty]
            for accesses in (reads, writes)
        ]
        _verify_disjoint(reads, writes)
        for access in reads:
            self._read(access)
        self.copied |= {
            id(a.buffer): self._sources(a.function) for a in writes
            if id(a.buffer) in self.unnamed
        }  # fmt: skip
        for access in writes:
            self._write(access)
        for function in functions:
            self._verify_checks(function)

    def results(self) -> None:
        """What the graph returns is there in the end."""
        for root in self.plan.roots:
            buffer = self.buffers[id(root)]
            if not root.size or id(buffer) in self.replaced:
                continue
            owners = self.owners.get((buffer.home, buffer.number), _Owners())
            if owners.other(0, buffer.size, buffer) is not buffer:
                raise AssertionError(f"{root!r} is not in {_named(buffer)} in the end")

    # -- memory ----------------------------------------------------------------------------

    def _access(self, function: Function, place: int, turns: tuple[int, int]) -> Access:
        """Where an argument lies, from the first up to the last of some turns of a loop."""
        buffer = function.buffers[place]
        whole = buffer.base or buffer
        low = 0 if buffer.base is None else buffer.offset
        high = low + buffer.size
        if buffer.stride:
            ends = [buffer.stride * turn for turn in turns]
            low, high = low + min(ends), high + max(ends)
        start = whole.offset if whole.home == "arena" else 0
        limit = self.plan.arena - start if whole.home == "arena" else whole.size
        if (low < 0 or high > min(limit, whole.size)) and id(buffer) not in self.empty:
            raise AssertionError(f"{_said(function)} goes beyond {_named(whole)}")
        return Access((whole.home, whole.number), start + low, start + high, function, place)

    def _value(self, buffer: Buffer) -> Buffer:
        """What is one value: the results of a loop are, and so is each buffer inside one."""
        base = buffer.base
        return buffer if base is None or id(base) in self.inside else base

    def _read(self, access: Access) -> None:
        function, value = access.function, self._value(access.buffer)
        for source, is_new in self.copied.get(id(value), ()):
            self._verify_age(function, source, is_new)
        source = self._source(access.buffer)
        self._verify_age(function, source, id(source) in self.replaced)
        if access.memory[0] not in ("input", "constant") and not self._makes_itself(access):
            owners = self.owners.get(access.memory, _Owners())
            if (other := owners.other(access.low, access.high, value)) is not value:
                lies = "nothing was written" if other is None else f"{_named(other)} lies"
                raise AssertionError(
                    f"{_said(function)} reads {_named(access.buffer)} where {lies}"
                )

    def _makes_itself(self, access: Access) -> bool:
        """Whether the function reads only what it has written itself."""
        function = access.function
        if access.place not in function.writes:
            return False
        given = [self.buffers.get(id(node)) for node in function.kernel.reads.values()]
        return not any(buffer is access.buffer for buffer in given)

    def _write(self, access: Access) -> None:
        function, source = access.function, self._source(access.buffer)
        home = access.memory[0]
        if id(source) in self.free:
            self.replaced.setdefault(id(source), function)
            self.first = self.first or (function if home == "input" else None)
        elif home in ("input", "constant"):
            raise AssertionError(f"{_said(function)} writes to {_named(source)}")
        if home not in ("input", "constant"):
            owners = self.owners.setdefault(access.memory, _Owners())
            owners.put(access.low, access.high, self._value(access.buffer))

    # -- what is written over --------------------------------------------------------------

    def _source(self, buffer: Buffer) -> Buffer:
        """The memory whose age counts: a state of a loop, or the whole of an input."""
        return buffer if id(buffer) in self.free else self._value(buffer)

    def _sources(self, function: Function) -> list[tuple[Buffer, bool]]:
        """What of that which is written over a function reads, and whether it was already."""
        sources = [self._source(function.buffers[i]) for i in function.reads]
        return [(s, id(s) in self.replaced) for s in sources if id(s) in self.free]

    def _verify_age(self, function: Function, buffer: Buffer, is_new: bool) -> None:
        """That a function reads what it means: the input or state, or its successor."""
        if id(buffer) not in self.free:
            return
        kernels = function.kernel, self._kernel(function)
        for node in [node for kernel in kernels for node in kernel.reads.values()]:
            found = self.buffers.get(id(node))
            if found is buffer and (node.op is INPUT) == is_new:
                writer = self.replaced.get(id(buffer))
                when = f"after {_said(writer)}" if is_new and writer else "before anybody"
                raise AssertionError(
                    f"{_said(function)} reads {node!r} {when} has written over {_named(buffer)}"
                )

    def _kernel(self, function: Function) -> Kernel:
        """Of the plan itself: for the body of a loop that of the loop."""
        return self.loops.get(id(function.kernel), function.kernel)

    def _verify_checks(self, function: Function) -> None:
        """That what can find something wrong comes before all that is written over."""
        kernel = self._kernel(function)
        tells = kernel.kind == CALL or any(b.home == "status" for b in function.buffers)
        found = set(facts(kernel, self.plan.stored)) if tells else set()
        if self.first is not None and found - self.known:
            raise AssertionError(
                f"{_said(function)} may stop the run after {_said(self.first)} has written "
                "over an input"
            )
        self.known |= with_answers(found)


def _called(region: Region, buffers: dict[int, Buffer]) -> list[Function]:
    """What NumPy computes, as a function."""
    node = region.call
    if node is None:
        return []
    given = [buffers[id(x)] for x in (*node.inputs, node)]
    last = len(given) - 1
    return [Function(node.name, given, 1, region.kernels[0], CALL, repr(node),
                     reads=tuple(range(last)), writes=(last,))]  # fmt: skip


def _verify_disjoint(reads: list[Access], writes: list[Access]) -> None:
    """That nothing in a region is touched by two of which one writes."""
    writes = sorted(writes, key=itemgetter(0, 1))
    last: Access | None = None
    for access in writes:
        if last is not None and _meet(last, access):
            raise _conflict(last, "writes", access)
        if last is None or last.memory != access.memory or last.high < access.high:
            last = access
    begins = [access[:2] for access in writes]
    for access in reads:
        at = bisect_left(begins, (access.memory, access.high)) - 1
        while at >= 0 and _overlap(writes[at], access):
            if _meet(writes[at], access):
                raise _conflict(access, "reads", writes[at])
            at -= 1


def _overlap(a: Access, b: Access) -> bool:
    return a.memory == b.memory and a.low < b.high and b.low < a.high


def _meet(a: Access, b: Access) -> bool:
    """Whether two accesses are to the same bytes, and not known to be to different elements:
    they are if one argument is read and written, and for the parts of one product."""
    if not _overlap(a, b):
        return False
    if a.function is b.function:
        return a.place != b.place
    of_one = a.function.kernel is b.function.kernel and a.buffer is b.buffer
    return not (of_one and a.function.kernel.kind == PRODUCT)


def _conflict(a: Access, does: str, b: Access) -> AssertionError:
    if a.function is b.function:
        other = "through another argument"
    else:
        other = f"while {_said(b.function)} runs, which"
    return AssertionError(
        f"{_said(a.function)} {does} {_named(a.buffer)} {other} writes {_named(b.buffer)}"
    )


def _said(function: Function) -> str:
    return f"{function.name} ({function.label})"


def _named(buffer: Buffer) -> str:
    if buffer.label:
        return buffer.label
    if buffer.base is not None:
        return f"a part of {_named(buffer.base)}"
    return f"{buffer.home} {buffer.number}"
