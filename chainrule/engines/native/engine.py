"""The native engine: a graph as machine code for this processor.

A graph is planned (plan.py), its functions are compiled by LLVM, and each run fills in where
the inputs and outputs lie and lets the pool of threads run the program.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.engines.measurement import Measurement
from chainrule.engines.native.running import cache
from chainrule.engines.native.running.arena import Arena, arenas
from chainrule.engines.native.running.blueprint import constants_of, packed, unpacked
from chainrule.engines.native.running.llvm import VERSION, load
from chainrule.engines.native.running.pool import pool
from chainrule.engines.native.running.program import Loop, Program
from chainrule.engines.native.running.seeing import Sight, with_stops
from chainrule.engines.native.running.target import target
from chainrule.engines.reference import ReferenceProgram
from chainrule.engines.visits import Visit, Visitor, Watched, nobody, visits
from chainrule.ir.graph import Graph, Variable

if TYPE_CHECKING:
    from chainrule.engines.native.code.buffers import Buffer
    from chainrule.engines.native.graph.nodes import Node
    from chainrule.engines.native.planning.plan import Plan
    from chainrule.engines.native.reporting.report import Report

Spots = tuple[np.ndarray, np.ndarray]  # places among the arguments, and offsets in bytes
Segment = Any  # a Program, a node that NumPy computes, or a visit
Known = Callable[[], np.ndarray | None]  # a weak reference to an array, or to none


@functools.cache
def _sources() -> str:
    """What tells this engine from others: its own text."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _making() -> Any:
    """What plans, writes and compiles, loaded when there is a program that is not on the disk,
    or somebody asks about one."""
    return importlib.import_module("chainrule.engines.native.making")


class NativeProgram:
    """A graph made ready to run.

    Args: donations: output → input whose memory it may take if nobody else holds the input.

    Notes: between runs it holds code, constants and addresses, but no array of others and no
    memory for the values between its kernels.
    """

    def __init__(self, graph: Graph, donations: dict[int, int] | None = None) -> None:
        self.graph, self._donations = graph, donations or {}
        self.seconds: dict[str, float] = {}
        self.from_disk = False
        objects = self._made()
        start = time.perf_counter()
        self.library = load(objects)
        self.seconds["load"] = time.perf_counter() - start
        self._constants = [np.ascontiguousarray(c) for c in constants_of(graph)]
        self._arena: Arena | None = None  # while it runs
        self._base = 0  # of the arena that the rows point into
        arenas.enlist(self, self.blueprint.arena)
        self._rows, self._spots = self._arguments()
        self._pool, self._lock = pool(), threading.Lock()
        self._known: list[Known] = [_nothing] * len(graph.inputs)  # what the rows point to
        self._copies: dict[int, np.ndarray] = {}  # of inputs, while it runs
        taken = dict(self.blueprint.taken)
        self._replaced = sorted(set(taken.values()))
        self._results = [
            (v.shape, v.dtype, self._spots.get(("output", i)), taken.get(i))
            for i, v in enumerate(graph.outputs)
        ]
        self._segments = self._programs()

    @functools.cached_property
    def plan(self) -> Plan:
        """How the graph became a program: megabytes, so it is worked out again where somebody
        asks, or NumPy has to compute some nodes."""
        return _making().planned(self.graph, self._donations)

    @functools.cached_property
    def _sight(self) -> Sight:
        """Where its values lie, for those who look on."""
        return Sight(self.graph, self.blueprint)

    def _made(self) -> list[bytes]:
        """The machine code, from the disk if it was made before; and the blueprint."""
        start = time.perf_counter()
        key = f"{VERSION}\n{target().key}\n{_sources()}\n{self._donations}\n{self.graph!r}"
        data = cache.fetch(key)
        self.seconds["look into the disk cache"] = time.perf_counter() - start
        if data is not None:
            self.blueprint, objects = unpacked(data)
            self.from_disk = True
            return objects
        plan, self.blueprint, objects = _making().made(self.graph, self._donations)
        self.seconds |= plan.seconds
        if [-1] in self.blueprint.regions:
            self.plan = plan
        else:
            cache.store(key, packed(self.blueprint, objects))
        return objects

    def _arguments(self) -> tuple[np.ndarray, dict[tuple[str, int], Spots]]:
        """A row of addresses for each function, one after another; and where the memory of
        others stands in them."""
        words = [word for _, _, row in self.blueprint.functions for word in row]
        rows = np.array([offset for _, offset, _ in words] + [0], np.int64)
        places: dict[int, list[int]] = {}
        for place, (memory, _, _) in enumerate(words):
            places.setdefault(memory, []).append(place)
        spots, inside = {}, []
        for number, (home, which) in enumerate(self.blueprint.memory):
            at = np.array(places[number])
            if home == "arena":
                rows[at] += which
                inside += places[number]
            elif home == "constant":
                rows[at] += self._constants[which].ctypes.data
            else:
                spots[home, which] = at, rows[at]
        self._inside = np.array(inside, np.int64)  # the words that lie in the arena
        return rows, spots

    def _programs(self) -> list[Program | Node]:
        """Runs of native regions, and between them the nodes that NumPy computes."""
        plan = self.blueprint
        segments: list[Program | Node] = []
        calls = iter(self._calls())
        first = 0
        for number, region in enumerate([*plan.regions, [-1]]):
            if region == [-1]:
                if number > first:
                    segments.append(self._program(first, number))
                first = number + 1
                segments += [node for node in [next(calls, None)] if node is not None]
        self._made_programs = [s for s in segments if isinstance(s, Program)]
        self._flag = self._made_programs[0].status if self._made_programs else np.zeros(1, int)
        if (found := self._spots.get(("status", 0))) is not None:
            self._rows[found[0]] = self._made_programs[0].status_address
        return segments

    def _calls(self) -> list[Node]:
        """The nodes that NumPy computes; a program with such nodes is not kept on the disk."""
        if [-1] not in self.blueprint.regions:
            return []
        return [region.call for region in self.plan.regions if region.call is not None]

    def _program(self, first: int, stop: int) -> Program:
        """The program of some neighbouring regions."""
        plan = self.blueprint
        starts = np.cumsum([0, *[len(row) for _, _, row in plan.functions]]) * 8
        rows = starts + self._rows.ctypes.data
        tasks: list[tuple[int, int, int]] = []
        bounds = [0]
        for region in plan.regions[first:stop]:
            for function in region:
                name, chunks, _ = plan.functions[function]
                address, row = self.library.address(name), int(rows[function])
                tasks += [(address, row, chunk) for chunk in range(chunks)]
            bounds.append(len(tasks))
        guard = plan.guard - first if first <= plan.guard < stop else None
        loops = [
            Loop(a - first, b - first, times, self._moves(a, b, rows))
            for a, b, times in plan.loops
            if first <= a < stop
        ]
        words = np.array(tasks, np.int64).reshape(-1, 3)
        return Program(words, bounds, loops=loops, guard=guard)

    def _moves(self, first: int, stop: int, rows: np.ndarray) -> list[tuple[int, int]]:
        """The arguments of a loop's functions that move on every turn."""
        return [
            (int(rows[function]) + 8 * place, stride)
            for region in self.blueprint.regions[first:stop]
            for function in region
            for place, (_, _, stride) in enumerate(self.blueprint.functions[function][2])
            if stride
        ]

    # -- running ---------------------------------------------------------------------------

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the graph for these inputs.

        Notes: an input whose only holders are its tensor and the list is written over where the
        graph replaces it. Threads that call it at once wait for each other.
        """
        return self._run_segments(self._segments, inputs, nobody)

    def watched(self, wanted: Iterable[Variable]) -> Watched:
        """The same kernels in the same chunks, showing those of the wanted values that are
        there before anything is written over."""
        found = visits(self.graph, wanted, self._sight.lives())
        segments = with_stops(self._segments, found)
        return Watched(found, functools.partial(self._run_segments, segments))

    def _run_segments(
        self, segments: Sequence[Segment], inputs: Sequence[np.ndarray], visitor: Visitor
    ) -> list[np.ndarray]:
        with self._lock:
            arena = self._arena = arenas.take(self.blueprint.arena)
            try:
                if arena.address != self._base:
                    self._rows[self._inside] += arena.address - self._base
                    self._base = arena.address
                return self._run(segments, inputs, visitor)
            finally:
                self._arena = None
                self._copies.clear()
                arenas.give(arena)

    def _run(
        self, segments: Sequence[Segment], inputs: Sequence[np.ndarray], visitor: Visitor
    ) -> list[np.ndarray]:
        known = self._known
        for i in range(len(inputs)):  # no name may hold an input, as holders are counted
            if known[i]() is not inputs[i]:
                self._take(i, inputs[i])
        for i in self._replaced:
            if getrefcount(inputs[i]) > HELD_BY_ITS_TENSOR and i not in self._copies:
                self._take_copy(i, inputs[i])
        copies = self._copies
        taken = [copies.get(i, x) for i, x in enumerate(inputs)] if copies else inputs
        outputs = self._outputs(taken)
        for segment in segments:
            if isinstance(segment, Program):
                if self._pool.run(segment) or self._flag[0]:
                    return self._explain_stop(inputs)
            elif isinstance(segment, Visit):
                memory = self._arena.memory  # type: ignore[union-attr]
                held = functools.partial(self._sight.held, memory, taken, outputs)
                visitor(segment.variable, functools.partial(segment.value, held))
            else:
                self._call(segment, taken, outputs)
        return outputs

    def _take(self, i: int, array: np.ndarray) -> None:
        """Let the program find input `i` in this array, or in a copy."""
        flags = array.flags
        free = i not in self._replaced or (flags.owndata and flags.writeable)
        if flags.c_contiguous and flags.aligned and free:
            self._find(i, array)
        else:
            self._take_copy(i, array)

    def _take_copy(self, i: int, array: np.ndarray) -> None:
        """Let the program find input `i` in a copy, in this run."""
        self._copies[i] = array.copy()
        self._find(i, self._copies[i])

    def _find(self, i: int, array: np.ndarray) -> None:
        self._known[i] = weakref.ref(array)
        if (found := self._spots.get(("input", i))) is not None:
            spots, offsets = found
            self._rows[spots] = array.ctypes.data + offsets

    def _outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        outputs: list[np.ndarray] = []
        for shape, dtype, found, source in self._results:
            if source is not None:
                outputs.append(inputs[source])
                continue
            array = np.empty(shape, dtype)
            if found is not None:
                spots, offsets = found
                self._rows[spots] = array.ctypes.data + offsets
            outputs.append(array)
        return outputs

    def report(self) -> Report:
        """What became of the graph."""
        return _making().Report(self.graph, self.plan, self.seconds, self.from_disk)

    def profile(self, inputs: Sequence[np.ndarray], repeat: int) -> Measurement:
        """Seconds of each kernel, medians of so many runs on copies of what is written over."""
        return _making().measured(self, inputs, repeat)

    def _explain_stop(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """A check failed before anything was written over: NumPy says which one."""
        for program in self._made_programs:
            program.status[:] = 0
        return ReferenceProgram(self.graph).run(inputs)

    def _call(
        self, node: Node, inputs: Sequence[np.ndarray], outputs: list[np.ndarray]
    ) -> None:
        """One primitive computed by NumPy, on the memory of the program."""
        arrays = tuple([self._array(x, inputs, outputs) for x in node.inputs])
        self._array(node, inputs, outputs)[...] = node.op.evaluate(arrays, node.params)

    def _array(
        self, node: Node, inputs: Sequence[np.ndarray], outputs: list[np.ndarray]
    ) -> np.ndarray:
        buffer = self.plan.buffers[id(node)]
        if buffer.home == "input":
            return inputs[buffer.number]
        if buffer.home == "constant":
            assert node.array is not None
            return node.array
        if buffer.home == "output":
            return outputs[buffer.number].reshape(node.shape)
        size = node.size * node.dtype.itemsize
        view = self._bytes(buffer, outputs)[:size].view(node.dtype)
        array = view.reshape(node.shape)
        order = self.plan.orders.get(id(node))
        if order is None:
            return array
        moved = view.reshape([node.shape[axis] for axis in order])
        return moved.transpose(np.argsort(order))

    def _bytes(self, buffer: Buffer, outputs: list[np.ndarray]) -> np.ndarray:
        """The memory from the beginning of a buffer on."""
        if buffer.base is None:
            assert self._arena is not None
            whole = self._arena.memory
        elif buffer.base.home == "output":
            whole = outputs[buffer.base.number].reshape(-1).view(np.uint8)
        else:
            whole = self._bytes(buffer.base, outputs)
        return whole[buffer.offset :]


def _nothing() -> None:
    """What a program knows of an input before the first run."""


class _Holder:
    """Holds an array as a tensor's cell does."""

    def __init__(self) -> None:
        self.array = np.zeros(1)


def _count_of_one_holder() -> int:
    """How many references an array has in `run` if only one tensor holds it."""
    holder = _Holder()
    inputs = [holder.array]
    return getrefcount(inputs[0])


HELD_BY_ITS_TENSOR = _count_of_one_holder()
