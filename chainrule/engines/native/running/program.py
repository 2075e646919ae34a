"""Programs for the pool of threads: kernels, in which order and with what arguments.

What the native code reads is a list of instructions, rows of four 64-bit integers:

    (REGION, first task, task after the last, 1 where a failed check stops the run)
    (LOOP,   row behind the matching NEXT, times, 0)
    (NEXT,   row of the matching LOOP, address of moves, number of moves)
    (END,    0, 0, 0)

A task is (address of a kernel, address of its row of arguments, chunk); the tasks of a region
run in any order and at the same time, and all have ended when the next instruction begins. A
move is (address of a word, stride): the word grows by the stride after every turn of its loop
and has its old value after the loop. A kernel is `void (i64* row, i8* scratch, i64 chunk)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

REGION, LOOP, NEXT, END = range(4)  # kinds of instructions
#: words of a program's head
INSTRUCTIONS, TASKS, STATUS, REGION_TICKS, TASK_TICKS, WIDTH, HEAD_WORDS = range(7)
SCRATCH = 1 << 20  # bytes of scratch memory that every thread has at least


@dataclass(frozen=True)
class Loop:
    """Regions `first` to `stop` - 1, `times` times over.

    Args:
        moves: (address of a 64-bit word, stride): the word grows by the stride after each turn,
            and has its old value after the loop.
    """

    first: int
    stop: int
    times: int
    moves: Sequence[tuple[int, int]] = ()


class Program:
    """Kernels to run, region after region.

    Args:
        tasks: int64 of shape (n, 3), rows (address of the kernel, address of its arguments,
            chunk). It is read at every run, so that it may be changed between runs.
        bounds: region i has the tasks from bounds[i] up to bounds[i + 1].
        loops: ranges of regions that repeat; they do not overlap.
        guard: the region before which a run stops if a kernel has set the status.
        scratch: bytes of scratch memory a kernel needs.
        keep: whatever must live as long as the program, such as libraries and arguments.
        status: of another program, which it shares.

    Notes: kernels set the status by storing a number other than 0 at `status_address`. One
    program runs once at a time; different ones may run at the same time.
    """

    def __init__(
        self,
        tasks: np.ndarray,
        bounds: Sequence[int],
        *,
        loops: Sequence[Loop] = (),
        guard: int | None = None,
        scratch: int = SCRATCH,
        keep: Any = None,
        status: np.ndarray | None = None,
    ) -> None:
        if tasks.dtype != np.int64 or tasks.ndim != 2 or tasks.shape[1] != 3:
            raise ValueError(f"tasks are int64 in rows of 3, got {tasks.dtype} {tasks.shape}")
        if not tasks.flags.c_contiguous or bounds[-1] > len(tasks):
            raise ValueError(f"{len(tasks)} tasks in one piece must reach to {bounds[-1]}")
        self.tasks = tasks
        self.scratch = scratch
        self.keep = keep
        self.width = max((b - a for a, b in itertools.pairwise(bounds)), default=0)
        self.bounds, self.loops, self.guard = bounds, loops, guard
        self.status = np.zeros(1, np.int64) if status is None else status
        self._moves: list[np.ndarray] = []
        self._region_rows: list[int] = []
        self._loop_rows: list[int] = []
        self._instructions = np.array(self._rows(bounds, loops, guard), np.int64)
        self._head = np.zeros(HEAD_WORDS, np.int64)
        self._head[INSTRUCTIONS] = self._instructions.ctypes.data
        self._head[TASKS] = tasks.ctypes.data
        self._head[STATUS] = self.status_address
        self._head[WIDTH] = self.width
        self.address: int = self._head.ctypes.data

    @property
    def status_address(self) -> int:
        """Where kernels say that something is wrong."""
        return self.status.ctypes.data

    @property
    def regions(self) -> int:
        """How many there are."""
        return len(self.bounds) - 1

    def part(self, first: int, stop: int) -> Program:
        """Regions `first` to `stop` - 1 as a program of their own, of the same tasks; it cuts
        no loop."""
        loops = [
            replace(loop, first=loop.first - first, stop=loop.stop - first)
            for loop in self.loops
            if first <= loop.first < stop
        ]
        inside = self.guard is not None and first <= self.guard < stop
        return Program(
            self.tasks,
            self.bounds[first : stop + 1],
            loops=loops,
            guard=self.guard - first if inside and self.guard is not None else None,
            scratch=self.scratch,
            keep=self.keep,
            status=self.status,
        )

    def repeat(self, loop: int, times: int) -> None:
        """From the next run on, go through the loop of that number so many times."""
        self._instructions[self._loop_rows[loop], 2] = times

    def _rows(
        self, bounds: Sequence[int], loops: Sequence[Loop], guard: int | None
    ) -> list[tuple[int, int, int, int]]:
        """The instructions."""
        starts = {loop.first: loop for loop in loops if loop.stop > loop.first}
        rows: list[tuple[int, int, int, int]] = []
        open_loop, its_row = None, 0
        for number, (first, stop) in enumerate(itertools.pairwise(bounds)):
            if number in starts:
                open_loop, its_row = starts[number], len(rows)
                behind = its_row + open_loop.stop - open_loop.first + 2
                self._loop_rows.append(its_row)
                rows.append((LOOP, behind, open_loop.times, 0))
            self._region_rows.append(len(rows))
            rows.append((REGION, first, stop, int(number == guard)))
            if open_loop is not None and number + 1 == open_loop.stop:
                rows.append((NEXT, its_row, *self._moving(open_loop)))
                open_loop = None
        return [*rows, (END, 0, 0, 0)]

    def _moving(self, loop: Loop) -> tuple[int, int]:
        """Address and number of a loop's moves."""
        self._moves.append(np.array(list(loop.moves), np.int64).reshape(-1, 2))
        return self._moves[-1].ctypes.data, len(loop.moves)

    def timed(self) -> Ticks:
        """Room for the times of a run; they are taken until `Ticks.stop`."""
        return Ticks(self._head, len(self._instructions), len(self.tasks), self._region_rows)


class Ticks:
    """What the processor's clock says about a run: ticks by region and by task."""

    def __init__(self, head: np.ndarray, rows: int, tasks: int, regions: list[int]) -> None:
        self._head = head
        self._rows = np.zeros(rows, np.int64)
        self._regions = regions
        self.tasks = np.zeros(tasks, np.int64)
        head[REGION_TICKS] = self._rows.ctypes.data
        head[TASK_TICKS] = self.tasks.ctypes.data

    @property
    def regions(self) -> np.ndarray:
        """Ticks of each region, summed over the turns of its loop."""
        return self._rows[self._regions]

    def stop(self) -> None:
        """Take no more times."""
        self._head[[REGION_TICKS, TASK_TICKS]] = 0
