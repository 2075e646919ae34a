"""Eager speed against PyTorch on this machine:  python benchmarks/eager.py

Both libraries run the same code in one process, in blocks that alternate, each with 2 threads.
What is printed is the median time of one step, and the limit that chainrule keeps to.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch

import chainrule

THREADS = "2"
WARM_UP = 5  # steps at the start of a block that are not counted


def training_step(library: ModuleType, model: object, shape: tuple[int, ...]) -> Callable:
    """A step of Adam on one batch of 10 classes."""
    rng = np.random.default_rng(0)
    x = library.tensor(rng.normal(size=shape).astype(np.float32))
    y = library.tensor(rng.integers(0, 10, shape[0]))
    optimizer = library.optim.Adam(model.parameters(), lr=1e-4)
    criterion = library.nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

    return step


def elementwise(library: ModuleType) -> Callable:
    """One small multiplication whose gradient is recorded."""
    x = library.ones(10)
    w = library.ones(10, requires_grad=True)
    return lambda: x * w


def mlp(library: ModuleType) -> Callable:
    nn = library.nn
    model = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    return training_step(library, model, (32, 784))


def cnn(library: ModuleType) -> Callable:
    nn = library.nn
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return training_step(library, model, (64, 1, 28, 28))


def block(step: Callable, count: int) -> list[float]:
    """Seconds of each of `count` steps."""
    for _ in range(WARM_UP):
        step()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def compared(make: Callable[[ModuleType], Callable], blocks: int, count: int) -> list[float]:
    """Median seconds of a step of chainrule and of torch."""
    steps = [make(library) for library in (chainrule, torch)]
    times: list[list[float]] = [[], []]
    for _ in range(blocks):
        for step, found in zip(steps, times, strict=True):
            found += block(step, count)
    return [statistics.median(found) for found in times]


def import_seconds(module: str, runs: int = 9) -> float:
    """Median seconds that a fresh interpreter takes to import a module, once compiled."""
    code = (
        f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    found = [subprocess.check_output(command, env=environment) for _ in range(runs + 1)]
    return statistics.median(map(float, found[1:]))


def report(what: str, seconds: list[float], limit: str) -> None:
    ours, theirs = seconds
    print(f"{what:34}{_short(ours):>10}{_short(theirs):>10}{ours / theirs:>8.2f}   {limit}")


def _short(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def main() -> None:
    torch.set_num_threads(int(THREADS))
    print(f"{'median of one step':34}{'chainrule':>10}{'torch':>10}{'ratio':>8}   limit")
    report("x * w, 10 elements, recorded", compared(elementwise, 10, 5000), "5 µs")
    report("MLP 784-256-256-10, batch 32", compared(mlp, 12, 60), "1.5 × torch")
    report("CNN 28 × 28, batch 64", compared(cnn, 5, 8), "4 × torch")
    report("import", [import_seconds("chainrule"), import_seconds("torch")], "0.2 s")
    print(f"{'  of which NumPy':34}{_short(import_seconds('numpy')):>10}")


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != THREADS:  # read when NumPy is imported
        os.environ["OPENBLAS_NUM_THREADS"] = THREADS
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
