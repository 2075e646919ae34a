"""Training steps and inference against PyTorch:  python benchmarks/speed.py [names…] [--quick]

JAX is measured, too, where it is installed, on the networks of jax_networks.py.

Every library and way of running it is a process of its own. All of them stay alive and take
turns: one runs a block of steps while the others sleep, round after round. A block in which
other programs used the processor, or its cores were not apart (core_pace.py), is repeated,
within bounds. Times are those of single steps.

    python benchmarks/speed.py                            everything: an hour or more
    python benchmarks/speed.py mlp-32 gpt --quick         a glance, without torch.compile
    python benchmarks/speed.py --cold --rounds 1          seconds of compiling
    python benchmarks/speed.py --markdown benchmarks/RESULTS.md --json results.json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from core_pace import EVEN, CorePace, core_pace
from measuring import COMPETITORS, Competitor, measure_limits, serve
from processes import answer, process
from speed_page import TOLERANCE, details, machine, remarks, report
from workloads import WORKLOADS, Workload


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


def run_workload(
    name: str, chosen: dict[str, Competitor], options: argparse.Namespace, pace: CorePace
) -> dict:
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
        for who, blocks in take_turns(connections, options, pace).items():
            found[who] = summary(found[who], blocks, options)
    return {"name": name, "competitors": found} | compared(name, found) | with_jax(found)


def take_turns(
    connections: dict[str, Connection], options: argparse.Namespace, pace: CorePace
) -> dict[str, list[dict]]:
    """Rounds of blocks, every other one backwards, and as many again for disturbed blocks."""
    blocks: dict[str, list[dict]] = {who: [] for who in connections}
    for number in range(2 * options.rounds):
        for who in list(connections)[:: -1 if number % 2 else 1]:
            if sum(not is_disturbed(block, options) for block in blocks[who]) == options.rounds:
                continue
            before = pace.settle()
            connections[who].send(options.seconds)
            block = answer(connections[who])
            blocks[who].append(block | {"pace": min(before, pace.now())})
            if "error" in block:
                del connections[who]
    return blocks


def is_disturbed(block: dict, options: argparse.Namespace) -> bool:
    """Whether others ran meanwhile, or the cores were not apart."""
    return block["foreign"] > options.noise or block["pace"] < EVEN


def summary(started: dict, blocks: list[dict], options: argparse.Namespace) -> dict[str, Any]:
    """The figures of a competitor, from the blocks that were disturbed least."""
    if "error" in blocks[-1]:
        return blocks[-1]
    kept = sorted(blocks, key=lambda block: (block["pace"] < EVEN, block["foreign"]))
    kept = kept[: options.rounds]
    return started | distribution([seconds for block in kept for seconds in block["times"]]) | {
        "disturbed": sum(is_disturbed(block, options) for block in kept),
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
    unit = abs(last[0]) or 1.0
    spread = (max(last) - min(last)) / unit
    difference = abs(ours["losses"][-1] - last[0]) / unit
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
        "jax_difference": abs(jax["losses"][-1] - loss) / (abs(loss) or 1.0),
    }


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
    with core_pace(options.threads) as pace:
        for name in options.names or WORKLOADS:
            chosen = competitors(WORKLOADS[name], options)
            results.append(run_workload(name, chosen, options, pace))
            for line in details(results[-1]):
                print(*line, sep=" | ", flush=True)
            if options.json:
                record = {"machine": machine(), "limits": limits, "results": results}
                options.json.write_text(json.dumps(record, indent=1), "utf-8")
    page = report(results, limits, options)
    print("\n" + page)
    if options.markdown:
        options.markdown.write_text(page + remarks(options.markdown), "utf-8")


if __name__ == "__main__":
    main()
