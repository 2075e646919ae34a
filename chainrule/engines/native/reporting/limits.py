"""What this machine can do at most: multiplications and additions, bytes read and written.

flops       y ← y a + b in registers only, with every thread at it
bandwidth   y ← a + s b over arrays that just fit into each cache, and into none
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.running import cache
from chainrule.engines.native.running.llvm import Library, compile_object, load
from chainrule.engines.native.running.pool import Pool, aligned
from chainrule.engines.native.running.program import Program
from chainrule.engines.native.running.target import Target, host
from chainrule.threads import cores, get_num_threads

FORMAT = 1  # of what is kept on disk
KINDS = {"float32": "float", "float64": "double"}
CHAINS = 12  # sums at a time: enough that none waits for itself, few enough for the registers
ROUNDS = 1 << 17  # of all chains, in one task
STEP = 4  # vectors of the triad in one turn of its loop
LEAST = 4  # runs, of which the best is the limit
BURST = 4  # runs between two rests
REST = 0.002  # seconds
GOAL = 0.0005  # seconds of one run
BUDGET = 0.5  # seconds of all runs together
#: bytes that a core has, where the system does not say
USUAL = {"L1": 32 << 10, "L2": 1 << 20, "L3": 16 << 20}
MOST = 128 << 20  # bytes to measure memory with
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True)
class Limits:
    """Rates a second, by the number of threads.

    Args:
        processor: LLVM's name of it.
        threads: the numbers of threads that were tried, ascending.
        flops: "float32" and "float64" → a rate for each number of threads.
        bandwidth: "L1", "L2", "L3", "memory" → bytes a second, read and written together.
        capacity: the same levels → bytes of data that they hold for each number of threads.
    """

    processor: str
    threads: list[int]
    flops: dict[str, list[float]]
    bandwidth: dict[str, list[float]]
    capacity: dict[str, list[int]]

    def peak(self, dtype: str = "float32", threads: int | None = None) -> float:
        """FLOPs a second; other types than float64 as float32."""
        return self.flops.get(dtype, self.flops["float32"])[self._column(threads)]

    def rate(self, size: int, threads: int | None = None) -> float:
        """Bytes a second of what reads and writes `size` bytes in all."""
        return self.bandwidth[self.level(size, threads)][self._column(threads)]

    def level(self, size: int, threads: int | None = None) -> str:
        """The nearest memory that holds `size` bytes."""
        column = self._column(threads)
        fitting = [name for name, sizes in self.capacity.items() if size <= sizes[column]]
        return fitting[0] if fitting else "memory"

    def seconds(self, flops: float, size: int, dtype: str = "float32") -> float:
        """The least time of so many FLOPs on so many bytes: the roofline."""
        return max(flops / self.peak(dtype), size / self.rate(size))

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)

    def _column(self, threads: int | None) -> int:
        """The place of the largest number of threads that was tried and is not too large."""
        wanted = threads or get_num_threads()
        return max([i for i, n in enumerate(self.threads) if n <= wanted], default=0)


def machine_limits(again: bool = False) -> Limits:
    """What this machine can do at most, measured once and kept in the disk cache.

    Args: again: measure now, and keep the larger figures.

    Notes: takes about a second. A busy neighbour makes the figures too small, and kernels then
    seem to pass the limits: measure again.
    """
    if again:
        found = _larger(_known(), _measured())
        _known.cache_clear()
        cache.store(_key(), _bytes(found))
    return _known()


@functools.cache
def _known() -> Limits:
    if (data := cache.fetch(_key())) is not None:
        return Limits(**json.loads(data))
    limits = _measured()
    cache.store(_key(), _bytes(limits))
    return limits


def _larger(a: Limits, b: Limits) -> Limits:
    """The larger of each two rates."""
    flops, bandwidth = [
        {name: list(map(max, ours[name], theirs[name])) for name in ours}
        for ours, theirs in ((a.flops, b.flops), (a.bandwidth, b.bandwidth))
    ]
    return replace(b, flops=flops, bandwidth=bandwidth)


def _key() -> str:
    return f"limits {FORMAT} {host().key} {cores()}"


def _bytes(limits: Limits) -> bytes:
    return json.dumps(limits.as_dict()).encode()


def _measured() -> Limits:
    target = host()
    counts = sorted({1, cores(), *[1 << k for k in range(cores().bit_length())]})
    library = _library(target)
    flops: dict[str, list[float]] = {dtype: [] for dtype in KINDS}
    capacity = {
        name: [_share(name, size, n) for n in counts] for name, size in _caches().items()
    }
    beyond = min(MOST, 2 * max(capacity["L3"]))
    bandwidth: dict[str, list[float]] = {name: [] for name in (*capacity, "memory")}
    budget = BUDGET / len(counts) / (len(flops) + len(bandwidth))
    for column, threads in enumerate(counts):
        with _pool_of(threads) as pool:
            for dtype in KINDS:
                flops[dtype].append(_flops(pool, library, dtype, threads, budget))
            for name, rates in bandwidth.items():
                whole = capacity[name][column] // 2 if name in capacity else beyond
                rates.append(_triad(pool, library, whole, threads, budget))
    return Limits(target.cpu, counts, flops, bandwidth, capacity)


def _share(name: str, size: int, threads: int) -> int:
    """What so many threads have of a cache; the last one they share."""
    return size if name == "L3" else size * threads


def _caches() -> dict[str, int]:
    """The sizes of a core's caches for data, in bytes."""
    sizes = dict(USUAL)
    for folder in sorted(CACHES.glob("index*")):
        try:
            level, kind, size = [
                (folder / name).read_text("ascii").strip() for name in ("level", "type", "size")
            ]
        except OSError:  # not on this system
            continue
        if kind != "Instruction" and f"L{level}" in sizes and size.endswith("K"):
            sizes[f"L{level}"] = int(size[:-1]) << 10
    return sizes


@contextmanager
def _pool_of(threads: int) -> Iterator[Pool]:
    pool = Pool(threads)
    try:
        yield pool
    finally:
        pool.close()


# -- the two loops -----------------------------------------------------------------------


def _library(target: Target) -> Library:
    lanes = target.vector_bytes // 4
    emitters = [_chains("chains_float32", "float", lanes),
                _chains("chains_float64", "double", lanes // 2),
                _triads("triad", lanes)]  # fmt: skip
    declared = {text for e in emitters for text in e.declared.values()}
    attributes = f"attributes #0 = {{ {target.attributes} }}"
    text = "\n".join([*[e.text() for e in emitters], *sorted(declared), attributes, ""])
    return load(compile_object(text, target))


def _chains(name: str, kind: str, lanes: int) -> Emitter:
    """y ← y a + b, over and over, on vectors that never leave the registers."""
    e = Emitter(name, ["numbers"], lanes)
    numbers = e.pointers["numbers"]
    a = e.widened(e.load(numbers, kind), lanes)
    slots = [e.slot(a) for _ in range(CHAINS)]
    with e.loop(0, ROUNDS):
        for slot in slots:
            e.put(slot, e.fma(e.get(slot), a, a))
    total = e.get(slots[0])
    for slot in slots[1:]:
        total = e.add(total, e.get(slot))
    place = e.multiply(e.add(e.chunk, e.int(1)), e.int(lanes))
    e.store(total, e.step(numbers, place, kind))
    return e


def _triads(name: str, lanes: int) -> Emitter:
    """y ← a + s b over this chunk's part, `sizes[1]` times."""
    e = Emitter(name, ["sizes", "y", "a", "b"], lanes)
    sizes = e.pointers["sizes"]
    length = e.load(sizes, "i64")
    times = e.load(e.step(sizes, e.int(1), "i64"), "i64")
    start = e.multiply(e.chunk, length)
    with e.loop(0, times), e.loop(0, length, STEP * lanes) as i:
        at = Var("i", 0, e.add(start, i))
        for k in range(STEP):
            y, a, b = [
                e.address(e.pointers[p], Affine(k * lanes, {at: 1}), "float") for p in "yab"
            ]
            left, right = e.load(a, "float", lanes), e.load(b, "float", lanes)
            e.store(e.fma(right, e.constant("float", 0.5), left), y)
    return e


def _flops(pool: Pool, library: Library, dtype: str, threads: int, budget: float) -> float:
    lanes = host().vector_bytes // np.dtype(dtype).itemsize
    numbers = aligned((threads + 1) * lanes, dtype)
    numbers[:] = 0.5
    row = np.array([numbers.ctypes.data])
    program = _program(library.address(f"chains_{dtype}"), row, threads)
    return 2 * CHAINS * ROUNDS * lanes * threads / _best(lambda: pool.run(program), budget)


def _triad(pool: Pool, library: Library, size: int, threads: int, budget: float) -> float:
    """Bytes a second, where all threads together go through `size` bytes."""
    turn = STEP * host().vector_bytes // 4
    length = max(1, size // (3 * 4 * threads * turn)) * turn
    arrays = [aligned(length * threads, np.float32) for _ in range(3)]
    for array in arrays:
        array[:] = 1.0
    sizes = np.array([length, 1])
    row = np.array([x.ctypes.data for x in (sizes, *arrays)])
    program = _program(library.address("triad"), row, threads)
    pool.run(program)
    once = _best(lambda: pool.run(program), 0.0)
    sizes[1] = max(1, int(GOAL / once))
    size = 3 * 4 * length * threads * int(sizes[1])
    return size / _best(lambda: pool.run(program), budget)


def _program(kernel: int, row: np.ndarray, chunks: int) -> Program:
    tasks = np.array([(kernel, row.ctypes.data, chunk) for chunk in range(chunks)])
    return Program(tasks, [0, chunks])


def _best(run: Callable[[], object], budget: float) -> float:
    """Seconds of the fastest run. Now and then it rests: who has rested is the first to get a
    core on a busy machine; the run after that wakes the other threads."""
    times: list[float] = []
    end = time.perf_counter() + budget
    while len(times) < LEAST or time.perf_counter() < end:
        if len(times) % BURST == 0:
            time.sleep(REST)
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
