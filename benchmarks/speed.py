"""Training steps and inference against PyTorch:  python benchmarks/speed.py [names…] [--quick]

JAX is measured, too, where it is installed, on the networks of jax_networks.py.

Every library and way of running it is a process of its own. All of them stay alive and take
turns: one runs a block of steps while the others sleep, round after round. A block in which
other programs used the processor is repeated, within bounds. Times are those of single steps.

    python benchmarks/speed.py                            everything: an hour or more
    python benchmarks/speed.py mlp-32 gpt --quick         a glance, without torch.compile
    python benchmarks/speed.py --cold --rounds 1          seconds of compiling
    python benchmarks/speed.py --markdown benchmarks/RESULTS.md --json results.json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from measuring import COMPARED, COMPETITORS, Competitor, measure_limits, serve
from workloads import FURTHER, INFERENCE, OTHER, TRAINING, UNSEEN, WORKLOADS, Workload

PATIENCE = 900  # seconds until a process that says nothing is given up
SECONDS_TO_END = 10  # that a process is given to clean up
TOLERANCE = 1e-3  # relative difference of losses
GROUPS = {
    "training": TRAINING, "inference": INFERENCE, "unseen networks": UNSEEN,
    "other networks": OTHER, "further networks": FURTHER,
}  # fmt: skip
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CHAINRULE_NUM_THREADS",
    "PJRT_NPROC",
)  # fmt: skip
CACHE_VARIABLES = ("TORCHINDUCTOR_CACHE_DIR", "CHAINRULE_CACHE_DIR")


@contextmanager
def process(
    function: Callable, *arguments: Any, threads: int, cold: bool = False
) -> Iterator[Connection]:
    """A fresh Python process that runs function(connection, …), and our end of the pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= dict.fromkeys(THREAD_VARIABLES, str(threads))  # read by the libraries
        if cold:
            os.environ |= dict.fromkeys(CACHE_VARIABLES, folder)
        child = context.Process(target=function, args=(theirs, *arguments, threads))
        child.start()
        theirs.close()
        try:
            yield ours
        finally:
            stop(child, ours)


def stop(child: BaseProcess, connection: Connection) -> None:
    """Let a process end by itself, or end it."""
    with suppress(OSError):  # it may have ended already
        connection.send(None)
    child.join(SECONDS_TO_END)
    child.terminate()
    child.join()


def answer(connection: Connection) -> dict[str, Any]:
    """What a process says next, or the error that took its place."""
    if not connection.poll(PATIENCE):
        return {"error": f"no answer for {PATIENCE} s"}
    try:
        return connection.recv()
    except EOFError:
        return {"error": "the process ended"}


def machine_limits(threads: int) -> dict[str, float]:
    """This machine's FLOPs and bytes per second: what any step can reach at most.

    The peak is that of NumPy's matrix product, the bandwidth that of a copy by one thread.
    """
    limits = {}
    for count in sorted({1, threads}):
        with process(measure_limits, threads=count) as connection:
            found = answer(connection)
        limits[f"flops_{count}"], limits["bandwidth"] = found["flops"], found["bandwidth"]
    return limits


def run_workload(name: str, chosen: dict[str, Competitor], options: argparse.Namespace) -> dict:
    """Start every competitor, let them take turns, and bring the figures together."""
    found: dict[str, dict] = {}
    connections: dict[str, Connection] = {}
    with ExitStack() as stack:
        for who, competitor in chosen.items():
            child = process(serve, name, competitor, threads=options.threads, cold=options.cold)
            connection = stack.enter_context(child)
            found[who] = answer(connection)
            if "error" not in found[who]:
                connections[who] = connection
        for who, blocks in take_turns(connections, options).items():
            found[who] = summary(found[who], blocks, options)
    return {"name": name, "competitors": found} | compared(name, found) | with_jax(found)


def take_turns(
    connections: dict[str, Connection], options: argparse.Namespace
) -> dict[str, list[dict]]:
    """Rounds of blocks, every other one backwards, and as many again for disturbed blocks."""
    blocks: dict[str, list[dict]] = {who: [] for who in connections}
    for number in range(2 * options.rounds):
        for who in list(connections)[:: -1 if number % 2 else 1]:
            quiet = [block for block in blocks[who] if block["foreign"] <= options.noise]
            if len(quiet) == options.rounds:
                continue
            connections[who].send(options.seconds)
            blocks[who].append(answer(connections[who]))
            if "error" in blocks[who][-1]:
                del connections[who]
    return blocks


def summary(started: dict, blocks: list[dict], options: argparse.Namespace) -> dict[str, Any]:
    """The figures of a competitor, from the blocks during which others ran least."""
    if "error" in blocks[-1]:
        return blocks[-1]
    kept = sorted(blocks, key=lambda block: block["foreign"])[: options.rounds]
    return started | distribution([seconds for block in kept for seconds in block["times"]]) | {
        "disturbed": sum(block["foreign"] > options.noise for block in kept),
        "peak_memory": blocks[-1]["peak_memory"],
    }  # fmt: skip


def distribution(times: list[float]) -> dict[str, float]:
    """Seconds of a step: the median and how far the others are from it."""
    low, median, high, highest = np.percentile(times, [10, 50, 90, 99]).tolist()
    return {"median": median, "p10": low, "p90": high, "p99": highest, "steps": len(times)}


def compared(name: str, found: dict[str, dict]) -> dict[str, Any]:
    """The best of torch against chainrule, and whether both computed the same."""
    alive = {who: figures for who, figures in found.items() if "median" in figures}
    theirs = {who: figures for who, figures in alive.items() if who.startswith("torch")}
    ours = alive.get("chainrule") or alive.get("chainrule reference")
    if not theirs or ours is None:
        return {}
    best = min(theirs, key=lambda who: theirs[who]["median"])
    last = [figures["losses"][-1] for figures in theirs.values()]
    spread = (max(last) - min(last)) / abs(last[0])
    difference = abs(ours["losses"][-1] - last[0]) / abs(last[0])
    wrong = WORKLOADS[name].comparable and not difference <= max(TOLERANCE, 2 * spread)
    return {
        "best": best,
        "ratio": theirs[best]["median"] / ours["median"],
        "difference": difference,
        "spread": spread,
        "wrong": wrong,
    }


def with_jax(found: dict[str, dict]) -> dict[str, float]:
    """JAX against chainrule, and how far their losses are apart."""
    jax, ours = (found.get(who, {}) for who in ("JAX", "chainrule"))
    if "median" not in jax or "median" not in ours:
        return {}
    loss = ours["losses"][-1]
    return {
        "jax_ratio": jax["median"] / ours["median"],
        "jax_difference": abs(jax["losses"][-1] - loss) / abs(loss),
    }


def shortest(ours: dict[str, Any], limits: dict[str, float], threads: int) -> float:
    """Seconds that a step takes at least on this machine, by its FLOPs or its bytes."""
    return max(ours["flops"] / limits[f"flops_{threads}"], ours["bytes"] / limits["bandwidth"])


def geometric_mean(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def means(results: list[dict], key: str = "ratio") -> dict[str, float]:
    """The geometric mean of the ratios, by group of workloads."""
    found = {
        group: [r[key] for r in results if r["name"] in names and key in r]
        for group, names in GROUPS.items()
    }
    return {group: geometric_mean(ratios) for group, ratios in found.items() if ratios}


def row(result: dict, limits: dict[str, float], threads: int) -> list[str]:
    """The cells of a workload in the table of results."""
    found = result["competitors"]
    ours = found.get("chainrule") or found.get("chainrule reference") or {"error": "not run"}
    if "ratio" not in result:
        reason = ours.get("error", "nothing to compare with")
        return [result["name"], reason, *[""] * 8]
    best = found[result["best"]]
    return [
        result["name"], result["best"], milliseconds(best["median"]),
        milliseconds(ours["median"]), f"{result['ratio']:.2f}", spread_of(ours),
        f"{shortest(ours, limits, threads) / ours['median']:.0%}", f"{ours['first_call']:.2f}",
        f"{mebibytes(ours)} / {mebibytes(best)}", difference_of(result),
    ]  # fmt: skip


HEADINGS = [
    "workload", "best of torch", "its ms", "chainrule ms", "ratio", "p10 – p90, p99 ms",
    "share of limit", "first call s", "peak MiB, ours / best", "losses apart (torch's own)",
]  # fmt: skip


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def mebibytes(figures: dict[str, Any]) -> str:
    return f"{figures['peak_memory'] / 2**20:.0f}"


def spread_of(figures: dict[str, Any]) -> str:
    low, high, highest = (milliseconds(figures[key]) for key in ("p10", "p90", "p99"))
    return f"{low} – {high}, {highest}"


def difference_of(result: dict) -> str:
    if not WORKLOADS[result["name"]].comparable:
        return "random"
    found = f"{result['difference']:.0e} ({result['spread']:.0e})"
    return found + " **!**" * result["wrong"]


def details(result: dict) -> Iterator[list[str]]:
    """A row for each competitor of a workload."""
    for who, figures in result["competitors"].items():
        if "error" in figures:
            yield [result["name"], who, f"skipped: {figures['error']}", *[""] * 5]
            continue
        yield [
            result["name"], who, milliseconds(figures["median"]), spread_of(figures),
            str(figures["steps"]), str(figures["disturbed"]), f"{figures['first_call']:.2f}",
            mebibytes(figures),
        ]  # fmt: skip


DETAIL_HEADINGS = [
    "workload", "competitor", "median ms", "p10 – p90, p99 ms", "steps", "disturbed blocks",
    "first call s", "peak MiB",
]  # fmt: skip


def table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """The processor and the versions of what was measured."""
    text = Path("/proc/cpuinfo").read_text("utf-8")
    model = text.split("model name")[1].split(":")[1].split("\n")[0].strip()
    packages = [
        f"{name} {version(name)}"
        for name in ("numpy", "llvmlite", "torch", "jax")
        if importlib.util.find_spec(name)
    ]
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, " + ", ".join(
        packages
    )


def report(results: list[dict], limits: dict[str, float], options: argparse.Namespace) -> str:
    """The page of results in Markdown."""
    peak, bandwidth = limits[f"flops_{options.threads}"], limits["bandwidth"]
    rows = [row(result, limits, options.threads) for result in results]
    lines = [
        "# Speed against PyTorch\n",
        f"{machine()}; {options.threads} threads.",
        f"Command: `python benchmarks/speed.py {' '.join(sys.argv[1:])}`\n",
        f"Limits of this machine: {peak / 1e9:.0f} GFLOP/s (float32 product of 2048 × 2048, "
        f"one thread {limits['flops_1'] / 1e9:.0f}), {bandwidth / 1e9:.1f} GB/s (copy of "
        "256 MiB by one thread, read and written).\n",
        table(HEADINGS, rows) + "\n",
        "The ratio is the best of torch over chainrule. The share of the limit is the time "
        "that products and convolutions (or the bytes of inputs and results) need at least, "
        f"over the time taken. Losses are compared after {COMPARED} steps from the same "
        "weights; what torch's own ways of running differ is in brackets, and **!** marks "
        f"what is neither within {TOLERANCE:g} nor within twice that. First calls are those "
        "with the disk caches as they were"
        + (", empty.\n" if options.cold else ".\n"),
        *(f"Geometric mean, {name}: **{mean:.2f}**\n" for name, mean in means(results).items()),
        "## JAX\n",
        *against_jax([result for result in results if "jax_ratio" in result]),
        "## Every competitor\n",
        table(DETAIL_HEADINGS, [line for result in results for line in details(result)]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def against_jax(results: list[dict]) -> Iterator[str]:
    """What the page says of the workloads that JAX ran."""
    if not results:
        yield "JAX is not installed, or ran none of these.\n"
        return
    yield (
        "The networks of `jax_networks.py`: one `jax.jit` around a whole step, which updates "
        "weights and moments in their place (donated).\n"
    )
    yield table(JAX_HEADINGS, list(map(jax_row, results))) + "\n"
    for name, mean in means(results, "jax_ratio").items():
        yield f"Geometric mean, {name}: **{mean:.2f}**\n"


JAX_HEADINGS = [
    "workload", "JAX ms", "chainrule ms", "ratio", "first call s, JAX / chainrule",
    "losses apart",
]  # fmt: skip


def jax_row(result: dict) -> list[str]:
    """The cells of a workload that JAX ran."""
    jax, ours = (result["competitors"][who] for who in ("JAX", "chainrule"))
    return [
        result["name"], milliseconds(jax["median"]), milliseconds(ours["median"]),
        f"{result['jax_ratio']:.2f}", f"{jax['first_call']:.2f} / {ours['first_call']:.2f}",
        f"{result['jax_difference']:.0e}",
    ]  # fmt: skip


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of chainrule against PyTorch")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(WORKLOADS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="few blocks, no torch.compile")
    parser.add_argument("--cold", action="store_true", help="compile with empty disk caches")
    parser.add_argument("--reference", action="store_true", help="the reference engine too")
    parser.add_argument("--only", nargs="+", choices=COMPETITORS, help="these competitors")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="blocks of each competitor")
    parser.add_argument("--seconds", type=float, help="length of a block")
    parser.add_argument("--noise", type=float, default=0.15, help="cores others may use")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the page of results")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(WORKLOADS):
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    options.rounds = options.rounds or (3 if options.quick else 12)
    options.seconds = options.seconds or (0.2 if options.quick else 0.5)
    return options


def competitors(workload: Workload, options: argparse.Namespace) -> dict[str, Competitor]:
    """Those that are wanted and can run this workload."""
    left_out = set() if options.reference else {"chainrule reference"}
    if importlib.util.find_spec("jax") is None:
        left_out |= {"JAX"}
    if options.quick:
        left_out |= {"torch.compile", "torch.compile, fused"}
    wanted = options.only or [who for who in COMPETITORS if who not in left_out]
    return {who: COMPETITORS[who] for who in wanted if COMPETITORS[who].can_run(workload)}


def main(arguments: list[str] | None = None) -> None:
    options = parsed(arguments)
    limits, results = machine_limits(options.threads), []
    for name in options.names or WORKLOADS:
        chosen = competitors(WORKLOADS[name], options)
        results.append(run_workload(name, chosen, options))
        for line in details(results[-1]):
            print(*line, sep=" | ", flush=True)
        if options.json:
            record = {"machine": machine(), "limits": limits, "results": results}
            options.json.write_text(json.dumps(record, indent=1), "utf-8")
    page = report(results, limits, options)
    print("\n" + page)
    if options.markdown:
        options.markdown.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
