"""Whether a step takes the same time in every process and at every moment.

    python benchmarks/one_speed.py                       a few workloads, ten processes each
    python benchmarks/one_speed.py mlp-32 gpt --processes 20 --seconds 3
    python benchmarks/one_speed.py --neighbour           beside a program that keeps a core busy

Fresh processes run one after the other; each says how the times of its steps are spread after
warming up, and at which part of their best pace the cores were just before and after (see
core_pace.py). A process in a slow mode of its own shows as a median apart from the others while
the cores are apart. With a neighbour each runs alone, beside it, and alone again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from core_pace import EVEN, CorePace, core_pace
from measuring import COMPETITORS, serve
from processes import answer, process
from workloads import WORKLOADS

QUANTILES = {"min": 0, "p10": 10, "median": 50, "p90": 90, "p99": 99, "max": 100}
NAMES = ("mlp-32", "cnn", "lstm", "gpt", "mlp-inference-1")
SLOW = 1.25  # a process whose median is so many times the best is called slow
COLUMNS = (*QUANTILES, "mean")
Figures = dict[str, float]


def keep_busy() -> None:
    """A neighbour: one thread that never sleeps."""
    while True:
        pass


@contextmanager
def neighbour(wanted: bool = True) -> Iterator[None]:
    """A busy process beside this one."""
    if not wanted:
        yield
        return
    child = multiprocessing.get_context("spawn").Process(target=keep_busy, daemon=True)
    child.start()
    try:
        yield
    finally:
        child.kill()
        child.join()


def spread(block: dict, pace: float) -> Figures:
    """The distribution of a block's times in milliseconds, and who else ran."""
    values = np.percentile(block["times"], list(QUANTILES.values())) * 1e3
    return dict(zip(QUANTILES, values.tolist())) | {
        "mean": 1e3 * np.mean(block["times"]),
        "steps": len(block["times"]),
        "foreign": block["foreign"],
        "pace": pace,
    }


def run_process(name: str, options: argparse.Namespace, pace: CorePace) -> list[Figures]:
    """A fresh process: its blocks alone, or alone, beside a neighbour, and alone again."""
    with process(serve, name, COMPETITORS["chainrule"], threads=options.threads) as connection:
        if "error" in (started := answer(connection)):
            raise SystemExit(f"{name}: {started['error']}")
        found = []
        for busy in (False, True, False) if options.neighbour else (False,):
            before = pace.now()
            with neighbour(busy):
                connection.send(options.seconds)
                block = answer(connection)
            found.append(spread(block, min(before, pace.now())))
        return found


def line(title: str, figures: Figures) -> str:
    times = " ".join(f"{figures[key]:9.4g}" for key in COLUMNS)
    others = f"{figures['foreign']:7.2f} {figures['pace']:6.2f}"
    return f"{title:>18} {times} {figures['steps']:7.0f} {others}"


def heading(name: str) -> str:
    times = " ".join(f"{key:>9}" for key in COLUMNS)
    return f"{name:>18} {times} {'steps':>7} {'others':>7} {'pace':>6}    (ms; cores)"


def across(processes: list[list[Figures]]) -> str:
    """How far apart the processes are during which the cores were apart."""
    kept = [blocks[0] for blocks in processes if blocks[0]["pace"] >= EVEN]
    if not kept:
        return "the cores were never apart"
    medians = np.array([block["median"] for block in kept])
    slow = int((medians > SLOW * medians.min()).sum())
    tail = np.median([block["p99"] / block["median"] for block in kept])
    return (
        f"cores apart in {len(kept)} of {len(processes)}; of these: "
        f"medians {medians.min():.4g} to {medians.max():.4g} ms, "
        f"slowest / fastest {medians.max() / medians.min():.2f}; "
        f"{slow} more than {SLOW} × the fastest; p99 / median {tail:.2f}"
    )


def beside(processes: list[list[Figures]]) -> str:
    """How many times slower a step is beside the neighbour than alone."""
    parts = []
    for key in ("mean", "median", "p90", "p99"):
        ratios = [b[key] / min(a[key], c[key]) for a, b, c in processes]
        parts.append(f"{key} {np.median(ratios):.2f} (worst {max(ratios):.2f})")
    return "slower beside the neighbour: " + ", ".join(parts) + " times"


def measure(name: str, options: argparse.Namespace, pace: CorePace) -> None:
    """The table of one workload."""
    print(heading(name))
    processes = []
    for number in range(options.processes):
        processes.append(run_process(name, options, pace))
        for title, figures in zip(("alone", "neighbour", "alone again"), processes[-1]):
            print(line(f"{number + 1} {title}", figures), flush=True)
    print(across(processes))
    if options.neighbour:
        print(beside(processes))
    print(flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Times of a step in process after process")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a block")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--neighbour", action="store_true", help="a busy program beside it")
    parser.add_argument("--quick", action="store_true", help="three processes, short blocks")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(WORKLOADS):
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if options.quick:
        options.processes, options.seconds = 3, 0.5
    print(f"{os.cpu_count()} cores, {options.threads} threads, load {os.getloadavg()}\n")
    with core_pace(options.threads) as pace:
        for name in options.names or NAMES:
            measure(name, options, pace)


if __name__ == "__main__":
    main()
