"""Loading speed on this machine:  python benchmarks/loading.py

Batches in memory against the NumPy indexing that they need; and pictures decoded from PNG files
by worker processes, where torch is installed in turns with torch's loader on the same files.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

import chainrule

try:
    import torch
except ModuleNotFoundError:
    torch = None

SAMPLES = 60_000
PICTURES = 256
READ_EACH = 4  # times in one pass, so that starting the workers does not count for much
SIDE = 256  # pixels of a picture
BATCH = 16
WORKERS = (0, 1, 2, 4)


class Pictures:
    """PNG files, decoded when they are read: (SIDE, SIDE, 3) bytes and a label."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        with Image.open(self.paths[index]) as picture:
            return np.array(picture.convert("RGB")), index % 10


def write_pictures(folder: Path) -> list[Path]:
    """Smooth pictures with some noise, which PNG packs about as well as photographs."""
    rng = np.random.default_rng(0)
    wave = np.sin(np.linspace(0, 9, SIDE))
    paths = []
    for number in range(PICTURES):
        smooth = 100 * np.multiply.outer(wave, wave)[..., None] + 120 + number % 30
        pixels = smooth + rng.normal(0, 6, (SIDE, SIDE, 3))
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(paths[-1])
    return paths


def seconds(run: Callable[[], Iterable[Any]]) -> float:
    """How long it takes to go through once."""
    start = time.perf_counter()
    for _ in run():
        pass
    return time.perf_counter() - start


def medians(runs: list[Callable[[], Iterable[Any]]], rounds: int) -> list[float]:
    """Median seconds of each, taken in turns."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, found in zip(runs, times, strict=True):
            found.append(seconds(run))
    return [statistics.median(found) for found in times]


def in_memory(batch: int) -> None:
    """A TensorDataset of 784 floats and a label, against plain indexing."""
    rng = np.random.default_rng(0)
    x, y = rng.random((SAMPLES, 784), np.float32), rng.integers(0, 10, SAMPLES)
    data = chainrule.data.TensorDataset(chainrule.from_numpy(x), chainrule.from_numpy(y))
    order = rng.permutation(SAMPLES)

    def indexing() -> Iterable[Any]:
        parts = (order[i : i + batch] for i in range(0, SAMPLES, batch))
        return ((x[part], y[part]) for part in parts)

    loader = chainrule.data.DataLoader(data, batch, sampler=order)
    ours, plain = (found * batch / SAMPLES for found in medians([lambda: loader, indexing], 9))
    what = f"in memory, batch {batch}"
    print(f"{what:30}{ours * 1e6:>9.1f} µs{plain * 1e6:>9.1f} µs{ours / plain:>8.2f}   2")


def pictures(paths: list[Path]) -> None:
    """Pictures per second with each number of workers, and as a share of torch's."""
    libraries: list[ModuleType] = [chainrule] + ([torch] if torch is not None else [])
    rates: dict[str, list[float]] = {library.__name__: [] for library in libraries}
    for workers in WORKERS:
        loaders = [
            library.utils.data.DataLoader(Pictures(paths), BATCH, num_workers=workers)
            for library in libraries
        ]
        runs = [lambda loader=loader: loader for loader in loaders]
        for library, found in zip(libraries, medians(runs, 3), strict=True):
            rates[library.__name__].append(len(paths) / found)
        line = f"{f'PNG files, {workers} workers':30}"
        line += "".join(f"{rate[-1]:>8.0f} /s " for rate in rates.values())
        ours = rates["chainrule"]
        line += f"   {ours[-1] / ours[0]:.2f} × no workers"
        if torch is not None:
            line += f", {ours[-1] / rates['torch'][-1]:.2f} × torch"
        print(line)


def main() -> None:
    print(f"{'one batch':30}{'chainrule':>12}{'NumPy':>12}{'ratio':>8}   limit")
    in_memory(32)
    in_memory(256)
    cores = len(os.sched_getaffinity(0))
    print(f"\n{f'pictures, {cores} cores':30}{'chainrule':>11}", "torch" if torch else "")
    with tempfile.TemporaryDirectory() as folder:
        pictures(write_pictures(Path(folder)) * READ_EACH)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # read when NumPy is imported
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if torch is not None:
        torch.set_num_threads(1)
        warnings.filterwarnings("ignore", message="This DataLoader will create")
    main()
