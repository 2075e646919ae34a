"""The native engine over a long time: what must not grow, and what must not break.

    python benchmarks/soak.py                  all of them, half an hour
    python benchmarks/soak.py kills --quick    one of them, briefly

steps: 100 000 training steps of a perceptron with Adam; memory stays, the loss is finite.
shapes: a convolutional network's training step for 64 sizes of a batch, again and again; the
    recordings share the memory they work in, and hold little else.
compiles: 10 000 cold compiles, half of them ever other shapes of one function, half of them
    functions made anew; memory stays, old recordings and their machine code go.
kills: processes that share the cache on the disk get SIGKILL at random moments, 200 times,
    and files are damaged at the end; every program that is read or built again is right, no
    file is half written, and what the dead left behind is bounded.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import math
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from curves import many_batches
from workloads import WORKLOADS

import chainrule as cr
from chainrule.compiler.compile import MOST_RECORDINGS
from chainrule.compiler.recording import Recording
from chainrule.engines.native.running import cache
from chainrule.engines.native.running.cache import DIGEST
from chainrule.engines.native.running.llvm import Library

STEPS, SHAPES, COMPILES, KILLS = 100_000, 640, 10_000, 200
QUICK = 10  # --quick does so many times less
GROWTH = 8 * 2**20  # bytes that memory may grow by after warming up
EACH = 3 * 2**20  # bytes that a recording may hold
READINGS = 10  # of the memory, on the way
PROGRAMS = 100  # different ones that the processes compile
BLOCKS, BLOCK = 32, 50_000  # and blocks of two bytes times so many, in the same cache
WRITERS = 4
CACHE_MEGABYTES = 4  # few, so that old files are removed all the time


def resident_memory() -> int:
    """Bytes of memory that this process holds now."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def require(holds: bool, sentence: str) -> None:
    """Stop with the sentence where something does not hold."""
    if not holds:
        raise SystemExit(f"FAILED: {sentence}")


class Memory:
    """The resident memory from a first reading on."""

    def __init__(self) -> None:
        gc.collect()
        self.first = self.last = resident_memory()

    def read(self, where: str) -> None:
        """Print what is held now."""
        gc.collect()
        self.last = resident_memory()
        print(f"{where}: {self.last / 2**20:.1f} MiB", flush=True)

    def require_bounded(self) -> None:
        """Stop where it has grown."""
        grown = self.last - self.first
        print(f"grown by {grown / 2**20:+.1f} MiB after warming up")
        require(grown <= GROWTH, f"memory has grown by {grown / 2**20:.1f} MiB")


# -- many steps ----------------------------------------------------------------------------


def soak_steps(count: int) -> None:
    """A training that does not end."""
    task, batches = many_batches(WORKLOADS["mlp-32"])
    step = cr.compile(WORKLOADS["mlp-32"].step(cr, task))
    losses, began, memory = [], time.perf_counter(), None
    for number in range(1, count + 1):
        loss = step(*batches[number % len(batches)])
        if number % (count // 100) == 0:
            losses.append(loss.item())
            memory = memory or Memory()
        if memory and (number == count // 100 or number % (count // READINGS) == 0):
            memory.read(f"after {number} steps")
    seconds = time.perf_counter() - began
    print(f"loss {losses[0]:.3g} to {losses[-1]:.3g}, {seconds / count * 1e3:.3f} ms a step")
    require(all(map(math.isfinite, losses)), "a loss is not finite")
    require(memory is not None, "nothing was measured")
    memory.require_bounded()


# -- many shapes ---------------------------------------------------------------------------


def soak_shapes(count: int) -> None:
    """Batches of ever other sizes, after one of the largest."""
    workload = WORKLOADS["cnn"]
    task = workload.build(cr)
    step, inputs = cr.compile(workload.step(cr, task)), workload.inputs(task)
    step(*inputs)
    memory = Memory()
    for number in range(1, count + 1):
        size = 1 + number * 37 % len(inputs[0])
        step(*[x[:size] for x in inputs])
        if number % (count // READINGS) == 0:
            memory.read(f"after {number} steps, {len(step.explain().recordings)} recordings")
    grown = (memory.last - memory.first) / len(step.explain().recordings)
    print(f"{grown / 2**20:.2f} MiB a recording")
    require(grown <= EACH, f"a recording holds {grown / 2**20:.1f} MiB")


# -- many compiles -------------------------------------------------------------------------


def make_step(scale: float) -> Callable:
    """A tiny function with a backward, another for each `scale`."""
    weight = cr.tensor(scale, requires_grad=True)

    def step(x: cr.Tensor) -> cr.Tensor:
        weight.grad = None
        loss = (x * weight * scale).tanh().sum()
        loss.backward()
        return loss.detach()

    return step


def check_step(step: Callable, scale: float, shape: tuple[int, ...]) -> None:
    """One call, and whether its result is the right one."""
    x = np.linspace(-1, 2, math.prod(shape), dtype=np.float32).reshape(shape)
    expected = np.tanh(x * scale**2).sum(dtype=np.float64)
    found = step(cr.from_numpy(x)).item()
    right = abs(found - expected) <= 1e-5 * x.size
    require(right, f"shape {shape}, scale {scale}: {found} instead of {expected}")


def shape_of(number: int) -> tuple[int, ...]:
    """Another shape for each number below 18 cubed, small and large ones by turns."""
    mixed = number * 2579 % 18**3
    return (1 + mixed % 18, 1 + mixed // 18 % 18, 1 + mixed // 324)


def soak_compiles(count: int) -> None:
    """Cold compiles, one function with other shapes and functions made anew."""
    os.environ["CHAINRULE_CACHE_SIZE"] = "0"
    compile_shapes(count // 2)
    compile_many("new functions", count // 2, check_new_function)


def compile_shapes(count: int) -> None:
    """One function, whose input has another shape at every call."""
    step = cr.compile(make_step(0.5))
    compile_many("other shapes", count, lambda number: check_step(step, 0.5, shape_of(number)))
    kept = len(step.explain().recordings)
    require(kept == MOST_RECORDINGS, f"{kept} recordings are kept, not {MOST_RECORDINGS}")


def check_new_function(number: int) -> None:
    """A function that nobody has compiled before, and that nobody calls again."""
    scale = 1 / number
    check_step(cr.compile(make_step(scale)), scale, (3, 4))


def compile_many(title: str, count: int, compile_one: Callable[[int], None]) -> None:
    """Compile again and again; after two tenths of the times memory must not grow."""
    began, memory = time.perf_counter(), None
    for number in range(1, count + 1):
        compile_one(number)
        if number % (count // READINGS) == 0:
            memory = Memory() if number <= 2 * count // READINGS else memory
            memory.read(f"{number} compiles, {title}; {alive()}")
    print(f"{(time.perf_counter() - began) / count * 1e3:.1f} ms a compile")
    require(memory is not None, "nothing was measured")
    memory.require_bounded()


def alive() -> str:
    """How many recordings and pieces of machine code there are."""
    counts = dict.fromkeys((Recording, Library), 0)
    for each in gc.get_objects():
        if type(each) in counts:
            counts[type(each)] += 1
    return ", ".join(f"{count} × {kind.__name__}" for kind, count in counts.items())


# -- many kills ----------------------------------------------------------------------------


def check_program(number: int) -> bool:
    """Compile and run program `number`, compare; whether its code came from the disk."""
    scale, size = 1 + number / 1024, 5 + number % 7
    compiled = cr.compile(lambda x: (x * scale).sum() + number)
    x = cr.arange(size, dtype=cr.float32)
    found, expected = compiled(x).item(), scale * size * (size - 1) / 2 + number
    right = abs(found - expected) <= 1e-5 * expected
    require(right, f"program {number} gives {found} instead of {expected}")
    return compiled.explain().recordings[-1].program.from_disk


def write_programs(seed: int) -> None:
    """Compile random programs until somebody kills this process."""
    warnings.simplefilter("error")
    chance = random.Random(seed)
    while True:
        check_program(chance.randrange(PROGRAMS))


def write_blocks(seed: int) -> None:
    """Store and fetch blocks until somebody kills this process, most likely while it writes."""
    warnings.simplefilter("error")
    chance = random.Random(seed)
    while True:
        number = chance.randrange(BLOCKS)
        block = number.to_bytes(2, "little") * BLOCK
        cache.store(f"block {number}", block)
        found = cache.fetch(f"block {number}")
        require(found in (block, None), f"block {number} has another content")


def read_programs() -> None:
    """Compile every program once, and say how many came from the disk."""
    found = sum(map(check_program, range(PROGRAMS)))
    print(f"{PROGRAMS} programs are right, {found} of them from the disk", flush=True)


def start(seed: int) -> BaseProcess:
    """A process that writes programs or blocks. It is a fork, which needs no time to start."""
    target = write_blocks if seed % 2 else write_programs
    writer = multiprocessing.get_context("fork").Process(target=target, args=(seed,))
    writer.start()
    return writer


def use_cache(folder: Path, megabytes: int) -> None:
    """Let this process and those that it starts keep code in the folder."""
    os.environ["CHAINRULE_CACHE_DIR"] = str(folder)
    os.environ["CHAINRULE_CACHE_SIZE"] = str(megabytes)


def soak_kills(count: int) -> None:
    """Kill one of the writers, look at the files, start another; then read everything."""
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        use_cache(folder, 0)
        check_program(0)  # so that forks have all that they need
        use_cache(folder, CACHE_MEGABYTES)
        most, left = kill_many(folder, count, chance)
        print(
            f"{count} kills, {left[1]} inside a write, {left[0]} half-written files at the "
            f"end; at most {most / 2**20:.2f} MiB in the cache of {CACHE_MEGABYTES}"
        )
        require(most <= 1.5 * (CACHE_MEGABYTES << 20), "the cache outgrows its bound")
        use_cache(folder, 100)
        print(f"{damage(folder, chance)} files are damaged now", flush=True)
        for _ in range(2):
            subprocess.run([sys.executable, "-W", "error", __file__, "--read"], check=True)


def kill_many(folder: Path, count: int, chance: random.Random) -> tuple[int, tuple[int, int]]:
    """Kill so many writers at random moments.

    Returns: the most bytes that the files had; half-written files at the end, and all of them.
    """
    most, half = 0, set[Path]()
    writers = [start(seed) for seed in range(WRITERS)]
    for number in range(count):
        time.sleep(chance.uniform(0.01, 0.3))
        ended = [writer.exitcode for writer in writers if writer.exitcode is not None]
        require(not ended, f"writers ended by themselves, {ended}")
        i = chance.randrange(WRITERS)
        writers[i].kill()
        writers[i].join()
        torn = [path for path in finished(folder) if not is_whole(path)]
        require(not torn, f"{torn} are not whole")
        half |= {path for path in files(folder) if f".{writers[i].pid}." in path.name}
        most = max(most, sum(map(size, files(folder))))
        writers[i] = start(WRITERS * (number + 1) + i)
    for writer in writers:
        writer.kill()
        writer.join()
    return most, (sum(path.exists() for path in half), len(half))


def files(folder: Path) -> Iterator[Path]:
    """All files of the cache."""
    return (path for path in folder.rglob("*") if path.is_file())


def finished(folder: Path) -> Iterator[Path]:
    """Those that a process would read."""
    return (path for path in files(folder) if not path.name.startswith("."))


def size(path: Path) -> int:
    """Bytes of a file; 0 if another process has just removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def is_whole(path: Path) -> bool:
    """Whether a file has the content that its checksum was made of, or is gone."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return True
    return hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]


def damage(folder: Path, chance: random.Random) -> int:
    """Cut every third file short or turn over a bit of it, as failing disks do."""
    chosen = sorted(finished(folder))[::3]
    for path in chosen:
        content = bytearray(path.read_bytes())
        at = chance.randrange(len(content))
        if chance.random() < 0.5:
            del content[at:]
        else:
            content[at] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    return len(chosen)


SOAKS = {
    "steps": (soak_steps, STEPS),
    "shapes": (soak_shapes, SHAPES),
    "compiles": (soak_compiles, COMPILES),
    "kills": (soak_kills, KILLS),
}


def run(name: str, quick: bool) -> None:
    """One soak in this process."""
    soak, count = SOAKS[name]
    soak(count // QUICK if quick else count)


def main() -> None:
    parser = argparse.ArgumentParser(description="The native engine over a long time")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SOAKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="much less of it")
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(SOAKS):
        parser.error(f"no soak {', '.join(unknown)}; there are {', '.join(SOAKS)}")
    if options.read:
        read_programs()
    elif len(options.names) == 1:
        run(options.names[0], options.quick)
    else:
        for name in options.names or SOAKS:  # each in a process of its own
            print(f"\n{name}", flush=True)
            command = [sys.executable, __file__, name, *["--quick"] * options.quick]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
