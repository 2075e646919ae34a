"""A native program run with a clock beside it: seconds of each call of a kernel.

Kernels of one region run at the same time; the region's time is dealt out among them by the
time that the threads spent in each.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.engines.measurement import Measurement, Row
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.planning.drawing import longest_first
from chainrule.engines.native.planning.fusion import CALL, Kernel
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.planning.regions import Function
from chainrule.engines.native.reporting.accounting import Call, calls, origin, owners
from chainrule.engines.native.reporting.limits import Limits, machine_limits
from chainrule.engines.native.running.pool import Pool, Times
from chainrule.engines.native.running.program import Program
from chainrule.threads import get_num_threads

if TYPE_CHECKING:
    from chainrule.engines.native.engine import NativeProgram

WARM = 2  # runs before the ones that count


def measured(program: NativeProgram, inputs: Sequence[np.ndarray], repeat: int) -> Measurement:
    """Seconds of each kernel: medians of `repeat` runs.

    Notes: the runs write over copies of the inputs, so nothing changes outside. How long a run
    takes as a whole is measured in runs between them, without the clock.
    """
    given = list(inputs)
    for i in program._replaced:
        given[i] = given[i].copy()
    clock = Clock(program)
    wholes: list[float] = []
    runs: list[dict[int, float]] = []
    for _ in range(WARM + repeat):
        wholes.append(_seconds(lambda: program.run(given)))
        with clock:
            runs.append(clock.times(given))
    total = statistics.median(wholes[WARM:])
    rows = _rows(program.plan, runs[WARM:])
    outside = max(0.0, total - sum(row.seconds for row in rows))
    return Measurement(rows, total, outside, repeat, get_num_threads())


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


class Clock:
    """Stands between a program and its pool, and notes how long everything takes."""

    def __init__(self, program: NativeProgram) -> None:
        self._program = program
        self._pool: Pool = program._pool
        self._call = program._call
        self._tasks = _task_rows(program)
        self._regions = _native_regions(program.plan)

    def __enter__(self) -> Clock:
        self._program._pool = self  # type: ignore[assignment]
        self._program._call = self._timed_call  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._program._pool = self._pool
        del self._program._call  # what hid the method

    def times(self, inputs: Sequence[np.ndarray]) -> dict[int, float]:
        """Run the program once; seconds by the id of a function or of a node."""
        self.found: dict[int, float] = {}
        self._program.run(inputs)
        return self.found

    def run(self, part: Program) -> int:
        """In place of the pool: run a stretch of the program, and note its times."""
        status, times = self._pool.profile(part)
        place = next(i for i, p in enumerate(self._program._made_programs) if p is part)
        for wall, functions in zip(times.regions, self._regions[place], strict=True):
            self._deal(float(wall), functions, times, place)
        return status

    def _deal(self, wall: float, functions: list[Function], times: Times, place: int) -> None:
        """The time of a region, among its functions."""
        spent = [float(times.tasks[self._tasks[place][id(f)]].sum()) for f in functions]
        whole = sum(spent) or 1.0
        for function, own in zip(functions, spent, strict=True):
            self.found[id(function)] = wall * own / whole * 1e-9

    def _timed_call(
        self, node: Node, inputs: Sequence[np.ndarray], outputs: list[np.ndarray]
    ) -> None:
        self.found[id(node)] = _seconds(lambda: self._call(node, inputs, outputs))


def _native_regions(plan: Plan) -> list[list[list[Function]]]:
    """The functions of each region, for each stretch of regions between calls of NumPy."""
    stretches: list[list[list[Function]]] = [[]]
    for region in plan.regions:
        if region.call is not None:
            stretches.append([])
        else:
            stretches[-1].append(region.functions)
    return [stretch for stretch in stretches if stretch]


def _task_rows(program: NativeProgram) -> list[dict[int, np.ndarray]]:
    """For each stretch, by id of a function, which of its tasks are that function's: those
    that have its row of arguments."""
    rows = [row for _, _, row in program.blueprint.functions]
    starts = np.cumsum([0, *map(len, rows)]) * 8 + program._rows.ctypes.data
    ordered = [f for region in program.plan.regions for f in longest_first(region)]
    address = {id(f): int(start) for f, start in zip(ordered, starts[:-1], strict=True)}
    stretches = _native_regions(program.plan)
    found = []
    for part, regions in zip(program._made_programs, stretches, strict=True):
        its = part.tasks[:, 1]
        found.append({id(f): np.flatnonzero(its == address[id(f)]) for r in regions for f in r})
    return found


def _rows(plan: Plan, runs: list[dict[int, float]]) -> list[Row]:
    limits = machine_limits()
    kernels = {owner.name: owner.kernel for owner in owners(plan)}
    rows = []
    for call, function in calls(plan):
        seconds = statistics.median(run[id(function)] for run in runs)
        rows.append(_row(call, kernels[call.kernel], seconds, limits))
    for owner in owners(plan):
        if owner.kernel.kind == CALL:
            rows.append(_numpy_row(owner.name, owner.kernel, runs))
    return rows


def _row(call: Call, kernel: Kernel, seconds: float, limits: Limits) -> Row:
    module, line = origin(kernel.nodes[0])
    title = " ".join(dict.fromkeys(node.name for node in kernel.nodes))
    dtype = str(kernel.nodes[0].dtype)
    moved = (call.read + call.written) // max(1, call.times)
    limit = call.times * limits.seconds(call.flops / max(1, call.times), moved, dtype)
    return Row(call.kernel, call.role, title, module, line, call.chunks, seconds, call.flops,
               call.read, call.written, limit)  # fmt: skip


def _numpy_row(name: str, kernel: Kernel, runs: list[dict[int, float]]) -> Row:
    (node,) = kernel.nodes
    module, line = origin(node)
    seconds = statistics.median(run[id(node)] for run in runs)
    read = sum(x.size * x.dtype.itemsize for x in node.inputs)
    written = node.size * node.dtype.itemsize
    return Row(name, "NumPy", node.name, module, line, 1, seconds, 0, read, written)
