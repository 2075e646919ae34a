"""One process of the benchmark: a workload in one library, and what it tells its parent.

Steps are run in blocks, only when the parent says so; between them the process sleeps.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from networks import cnn, gpt, mlp, recurrent, resnet20
from workloads import WORKLOADS, Workload

COMPARED = 5  # steps after which the losses of the libraries are compared
WARM_UP = 2  # steps at the start of a block that are not counted
FEWEST = 3  # steps of a block, however slow
TICKS_PER_SECOND = 100  # of /proc/stat
IN_JAX = (mlp, cnn, resnet20, recurrent, gpt)  # with a text in jax_networks.py


@dataclass(frozen=True)
class Competitor:
    """A library and the way in which it runs a step.

    `compiler` is empty for eager, and "default" or the name of an engine otherwise.
    """

    library: str
    compiler: str = ""
    fused: bool = False
    channels_last: bool = False

    def can_run(self, workload: Workload) -> bool:
        if self.library == "jax":
            plain = workload.comparable and workload.optimizer == "Adam"
            return plain and workload.make in IN_JAX
        return (workload.images or not self.channels_last) and (
            workload.training or not self.fused
        )


COMPETITORS = {
    "torch": Competitor("torch"),
    "torch, fused": Competitor("torch", fused=True),
    "torch channels_last": Competitor("torch", channels_last=True),
    "torch channels_last, fused": Competitor("torch", channels_last=True, fused=True),
    "torch.compile": Competitor("torch", "default"),
    "torch.compile, fused": Competitor("torch", "default", fused=True),
    "JAX": Competitor("jax", "default"),
    "chainrule": Competitor("chainrule", "default"),
    "chainrule reference": Competitor("chainrule", "reference"),
}


def serve(connection: Connection, name: str, competitor: Competitor, threads: int) -> None:
    """Start a workload and say how it went; then one block for each number of seconds."""
    try:
        workload = WORKLOADS[name]
        if competitor.library == "jax":  # its threads are those of PJRT_NPROC
            step, inputs = importlib.import_module("jax_networks").prepared(workload)
        else:
            library = importlib.import_module(competitor.library)
            library.set_num_threads(threads)
            step, inputs = prepared(library, workload, competitor)
        started = start(step, inputs, workload)
        if competitor.library == "chainrule":
            started |= work_of(step)
        connection.send(started)
        for seconds in iter(connection.recv, None):
            connection.send(block(step, inputs, seconds))
    except EOFError:
        return  # the parent is gone
    except Exception as error:  # told to the parent, who goes on without this process
        connection.send({"error": f"{type(error).__name__}: {error}".split("\n")[0][:300]})


def prepared(
    library: ModuleType, workload: Workload, competitor: Competitor
) -> tuple[Callable, tuple]:
    """The step as this competitor runs it, and what it is called with."""
    library.manual_seed(0)
    task = workload.build(library)
    inputs = workload.inputs(task)
    if competitor.channels_last:
        layout = library.channels_last
        task.model.to(memory_format=layout)
        inputs = tuple(x.to(memory_format=layout) if x.dim() == 4 else x for x in inputs)
    step = workload.step(library, task, **({"fused": True} if competitor.fused else {}))
    if competitor.compiler == "default":
        step = library.compile(step)
    elif competitor.compiler:
        step = library.compile(step, engine=competitor.compiler)
    return step, inputs


def start(step: Callable, inputs: tuple, workload: Workload) -> dict[str, Any]:
    """The first steps: their losses, and the seconds of the first beyond the others."""
    losses, seconds = [], []
    for _ in range(COMPARED):
        begin = time.perf_counter()
        result = step(*inputs)
        seconds.append(time.perf_counter() - begin)
        losses.append(number(result, workload))
    return {"losses": losses, "first_call": sum(seconds) - len(seconds) * min(seconds)}


def number(result: Any, workload: Workload) -> float:
    """What is compared: the loss, or the mean square of the first output."""
    if workload.training:
        return float(result.item())
    output = result[0] if isinstance(result, tuple) else result
    return float(np.square(np.asarray(output), dtype=np.float64).mean())


def block(step: Callable, inputs: tuple, seconds: float) -> dict[str, Any]:
    """Times of the steps of `seconds`, and how many cores were busy with something else."""
    for _ in range(WARM_UP):
        step(*inputs)
    times: list[float] = []
    busy, own, begin = busy_seconds(), time.process_time(), time.perf_counter()
    end = begin
    while end - begin < seconds or len(times) < FEWEST:
        now = time.perf_counter()
        step(*inputs)
        end = time.perf_counter()
        times.append(end - now)
    own = time.process_time() - own
    foreign = (busy_seconds() - busy - own) / (end - begin)
    return {"times": times, "foreign": foreign, "peak_memory": peak_memory()}


def busy_seconds() -> float:
    """Seconds that all cores together have worked since the machine started."""
    fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, fields)
    return (user + nice + system + irq + softirq + stolen) / TICKS_PER_SECOND


def peak_memory() -> int:
    """Bytes of memory that this process held at most."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def work_of(compiled: Any) -> dict[str, Any]:
    """What a step must do: FLOPs of products and convolutions, bytes that go in and out."""
    explanation = compiled.explain()
    graph = explanation.recordings[-1].traced
    moved = [*graph.inputs, *graph.outputs]
    return {
        "engine": explanation.engine,
        "flops": sum(map(flops, graph.equations)),
        "bytes": sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in moved),
    }


def flops(equation: Any) -> int:
    """Multiplications and additions of a product or convolution; 0 for other equations."""
    shapes = [variable.shape for variable in equation.inputs]
    match equation.primitive.__name__, shapes, equation.output.shape:
        case "MatMul", [a, _], y:
            return 2 * math.prod(y) * a[-1]
        case "Convolution", [_, w], y:  # each output sums over a kernel
            return 2 * math.prod(y) * math.prod(w[1:])
        case "ConvolutionInput", [dy, w], _:
            return 2 * math.prod(dy) * math.prod(w[1:])
        case "ConvolutionWeight", [_, dy], w:
            return 2 * math.prod(dy) * math.prod(w[1:])
    return 0


def measure_limits(connection: Connection, threads: int) -> None:
    """FLOPs per second of a large product with `threads`, bytes per second of a copy."""
    n, length = 2048, 256 * 2**20
    a = np.random.default_rng(0).random((n, n), np.float32)
    source = np.ones(length, np.uint8)
    target = np.empty_like(source)
    product, copy = best_time(lambda: a @ a), best_time(lambda: np.copyto(target, source))
    connection.send({"flops": 2 * n**3 / product, "bandwidth": 2 * length / copy})


def best_time(function: Callable[[], Any], repeats: int = 5) -> float:
    """Seconds of the quickest of a few calls."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)
