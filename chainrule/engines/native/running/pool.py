"""The threads that run programs.

Example, with a kernel that squares its chunk of four numbers:

    text = '''define void @square(ptr %row, ptr %scratch, i64 %chunk) {
      %x = load ptr, ptr %row
      %at = getelementptr <4 x float>, ptr %x, i64 %chunk
      %v = load <4 x float>, ptr %at, align 4
      %w = fmul <4 x float> %v, %v
      store <4 x float> %w, ptr %at, align 4
      ret void
    }'''
    library = load(compile_object(text, target()))
    x = np.arange(16, dtype=np.float32)
    row = np.array([x.ctypes.data])
    kernel = library.address("square")
    tasks = np.array([(kernel, row.ctypes.data, chunk) for chunk in range(4)])
    program = Program(tasks, [0, 4], keep=(library, x, row))
    status = pool().run(program)
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.native.running import cache
from chainrule.engines.native.running.llvm import VERSION, Library, compile_object, load
from chainrule.engines.native.running.program import SCRATCH, Program
from chainrule.engines.native.running.runtime import (
    ALLOWED,
    BUSY,
    CORE,
    FIRST_SCRATCH,
    GET_CORE,
    IN_USE,
    LIMIT,
    NAP,
    PATIENCE,
    SPIN,
    STARTED,
    SYSCALL,
    WORDS,
    YIELD,
    runtime_text,
)
from chainrule.engines.native.running.sleeping import FUTEX
from chainrule.engines.native.running.target import host
from chainrule.threads import get_num_threads

SPIN_NS = 60_000  # how long a waiting thread keeps its core before it offers it to others
PATIENCE_NS = 200_000  # how long a worker without work stays awake
ALIGNMENT = 128  # bytes: two cache lines, which processors fetch together
ROUGHLY, EXACTLY = 500_000, 20_000_000  # nanoseconds in which to measure the clock's speed
PATIENCE_AT_END = 1.0  # seconds


@dataclass(frozen=True)
class Times:
    """How long a program took, in nanoseconds: each region, and each task by itself."""

    regions: np.ndarray
    tasks: np.ndarray


class Native:
    """The functions of runtime.py."""

    def __init__(self) -> None:
        target = host()
        text = runtime_text(target)
        key = f"runtime\n{VERSION}\n{target.key}\n{text}"
        if (data := cache.fetch(key)) is None:
            data = compile_object(text, target)
            cache.store(key, data)
        self._library: Library = load(data)
        self.run = self._function("run", ctypes.c_int64, 2)
        self.work = self._function("work", None, 2)
        self.wake = self._function("wake", None, 2)
        self.ticks = self._function("ticks", ctypes.c_int64, 0)
        self.yield_address, self.nap_address, self.core_address = _system_functions()
        self.sleep_address = _sleep_function(target.architecture)
        self._since = time.perf_counter_ns(), self.ticks()
        speed = self.ticks_per_nanosecond(ROUGHLY)
        self.spin, self.patience = int(SPIN_NS * speed), int(PATIENCE_NS * speed)

    def _function(self, name: str, result: Any, arguments: int) -> Any:
        kind = ctypes.CFUNCTYPE(result, *[ctypes.c_void_p] * arguments)
        return kind(self._library.address(name))

    def ticks_per_nanosecond(self, wait: int) -> float:
        """The speed of the processor's clock, seen over `wait` nanoseconds at least."""
        while (passed := time.perf_counter_ns() - self._since[0]) < wait:
            time.sleep(wait * 1e-9)
        return (self.ticks() - self._since[1]) / passed


@functools.cache
def native() -> Native:
    """The runtime, made or taken from the disk the first time somebody asks."""
    return Native()


def _system_functions() -> tuple[int, int, int]:
    """The addresses of what offers the core to others, of usleep, and of what tells on which
    core a thread is; 0 where there is none."""
    if sys.platform == "win32":
        library, names = ctypes.WinDLL("kernel32"), ("SwitchToThread", "", "")
    else:
        library, names = ctypes.CDLL(None), ("sched_yield", "usleep", "sched_getcpu")
    yielding, nap, core = (_address(library, name) for name in names)
    return yielding, nap, core


def _sleep_function(architecture: str) -> int:
    """The address of what lets a worker sleep in native code; 0 where there is none."""
    if not sys.platform.startswith("linux") or architecture not in FUTEX:
        return 0
    return _address(ctypes.CDLL(None), "syscall")


def allowed_cores(thread: int = 0) -> set[int]:
    """The cores on which a thread may run, this one if none is named; none where the system
    does not say."""
    return os.sched_getaffinity(thread) if hasattr(os, "sched_getaffinity") else set()


def _this_core() -> int:
    """The number of the core that this thread is on; -1 where the system does not say."""
    function = getattr(ctypes.PyDLL(None), "sched_getcpu", None)
    return -1 if function is None else int(function())


def _address(library: ctypes.CDLL, name: str) -> int:
    function = getattr(library, name, None) if name else None
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


def aligned(size: int, dtype: Any = np.uint8) -> np.ndarray:
    """Memory for `size` elements that begins at a cache line."""
    item = np.dtype(dtype).itemsize
    whole = np.empty(size * item + ALIGNMENT, np.uint8)
    start = -whole.ctypes.data % ALIGNMENT
    return whole[start : start + size * item].view(dtype)


class Team:
    """The threads of a pool, their scratch memory, and the control block that they share.

    Notes: its size never changes. A pool that needs another takes a new team, and the old one
    ends by itself, after whatever it is running. The control block is that of runtime.py.
    """

    def __init__(self, native: Native, threads: int = 1, scratch: int = SCRATCH) -> None:
        self.threads = threads
        self.scratch = scratch
        self.workers: list[threading.Thread] = []
        #: released by whoever wakes the worker, where workers do not sleep in native code
        self.asleep: list[threading.Lock] = []
        self._native = native
        self._memory = [aligned(scratch) for _ in range(threads)]
        self._wanted = 0
        self._caller = 0  # the number of its thread
        self._cores: set[int] = set()  # where it may run; empty: not known
        self._words = aligned(WORDS, np.int64)
        self.address: int = self._words.ctypes.data
        self._words[:] = 0
        self._words[ALLOWED] = threads
        self._words[SPIN] = native.spin
        self._words[PATIENCE] = native.patience
        self._words[YIELD] = native.yield_address
        self._words[NAP] = native.nap_address
        self._words[SYSCALL] = native.sleep_address
        self._words[GET_CORE] = native.core_address if len(allowed_cores()) > 1 else 0
        for thread, memory in enumerate(self._memory):
            self._words[FIRST_SCRATCH + thread] = memory.ctypes.data

    def wake(self, wanted: int) -> None:
        """Have that many workers awake soon; those that sleep in native code wake without."""
        self._wanted = wanted
        self._caller, self._cores = threading.get_native_id(), allowed_cores()
        self._words[CORE] = _this_core()
        if len(self.workers) < wanted:
            self._start(wanted)
        self._wake_some(1)

    def end(self) -> None:
        """Let the workers end."""
        self._words[ALLOWED] = 1
        self._wanted = self.threads
        self._wake_some(self.threads)
        if self._native.sleep_address:
            self._native.wake(self.address, self.threads)

    def _start(self, wanted: int) -> None:
        """Begin the workers that are missing."""
        with contextlib.suppress(RuntimeError):  # the system has no more threads: go without
            for thread in range(len(self.workers) + 1, wanted + 1):
                name = f"chainrule worker {thread}"
                worker = threading.Thread(None, self._work, name, (thread,), daemon=True)
                worker.start()
                self.workers.append(worker)
                self._words[STARTED] = thread

    def _wake_some(self, most: int) -> None:
        """Wake a few of the workers that are wanted; each will wake two more."""
        for _ in range(most):
            if len(self.workers) - len(self.asleep) >= self._wanted:
                return
            try:
                self.asleep.pop().release()
            except IndexError:  # somebody else woke the last
                return

    def _work(self, thread: int) -> None:
        """The life of a worker: work, and sleep when there was none for a while.

        Notes: where native code cannot let it sleep, it comes back for that, and waits for
            Python's lock twice.
        """
        signal = threading.Lock()
        signal.acquire()
        while self._words[ALLOWED] > thread:
            self._leave_callers_core()
            self._native.work(self.address, thread)
            if self._native.sleep_address:
                continue
            self.asleep.append(signal)
            if self._words[IN_USE] or self._words[ALLOWED] <= thread:
                with contextlib.suppress(ValueError):  # already woken, so there is no waiting
                    self.asleep.remove(signal)
                    continue
            signal.acquire()
            self._wake_some(2)

    def _leave_callers_core(self) -> None:
        """Move this worker to the other cores.

        Notes: Linux may leave a thread on the core of the one that woke it, or move the caller
        to the worker's, for many milliseconds while the core beside is idle. A worker that
        finds itself there comes back from its native code, to here.
        """
        with contextlib.suppress(OSError):  # the thread has ended
            self._cores = allowed_cores(self._caller)
        if others := self._cores - {int(self._words[CORE])}:
            os.sched_setaffinity(0, others)


class Pool:
    """Threads that run programs: the caller's, and workers that begin when they are needed.

    Args:
        threads: how many, the caller's among them; None asks get_num_threads() at each run.

    Notes: workers look for work for a moment after a program has ended, then they sleep. A
    program that finds the pool at work for another thread runs on its caller's thread alone.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._native = native()
        self._spare: list[Team] = []
        self.begin_anew()
        _pools.add(self)

    def begin_anew(self) -> None:
        """Be a pool without workers, as one is in the child of a fork."""
        self._change = threading.Lock()
        self._team = Team(self._native)

    def run(self, program: Program) -> int:
        """Run a program to its end and return its status, 0 where all is well."""
        team = self._team
        threads = min(self._threads or get_num_threads(), LIMIT)
        if threads != team.threads or program.scratch > team.scratch:
            team = self._take_team(threads, program.scratch)
        wanted = min(program.width, team.threads) - 1
        if len(team.workers) - len(team.asleep) < wanted:
            team.wake(wanted)
        status = self._native.run(team.address, program.address)
        return self._run_alone(program) if status == BUSY else status

    def profile(self, program: Program) -> tuple[int, Times]:
        """Run a program once; its status, and how long everything took."""
        ticks = program.timed()
        try:
            status = self.run(program)
        finally:
            ticks.stop()
        speed = self._native.ticks_per_nanosecond(EXACTLY) or 1.0  # 0: there is no clock
        return status, Times(ticks.regions / speed, ticks.tasks / speed)

    def close(self) -> None:
        """Let the workers end, and wait for them. The next run begins new ones."""
        team, self._team = self._team, Team(self._native)
        team.end()
        for worker in team.workers:
            worker.join(PATIENCE_AT_END)

    def _take_team(self, threads: int, scratch: int) -> Team:
        """A team of that many threads, with that much scratch memory each."""
        with self._change:
            old = self._team
            if threads != old.threads or scratch > old.scratch:
                size = max(old.scratch, 1 << (scratch - 1).bit_length())
                self._team = Team(self._native, threads, size)
                old.end()
            return self._team

    def _run_alone(self, program: Program) -> int:
        """Run on this thread, while the workers belong to another."""
        team = self._spare.pop() if self._spare else Team(self._native)
        if program.scratch > team.scratch:
            team = Team(self._native, 1, program.scratch)
        status = self._native.run(team.address, program.address)
        self._spare.append(team)
        return status


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


@functools.cache
def pool() -> Pool:
    """The pool of this process."""
    return Pool()


@atexit.register
def _close_all() -> None:
    for each in list(_pools):
        each.close()


def _forget_all() -> None:
    for each in list(_pools):
        each.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
