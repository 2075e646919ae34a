"""The page of results of speed.py: a table of ratios, and one of all figures."""

from __future__ import annotations

import importlib.util
import math
import os
import platform
import sys
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import COMPARED
from workloads import FURTHER, INFERENCE, OTHER, TRAINING, UNSEEN, WORKLOADS

TOLERANCE = 1e-3  # relative difference of losses
REMARKS = "## What these figures are not\n"
GROUPS = {
    "training": TRAINING, "inference": INFERENCE, "unseen networks": UNSEEN,
    "other networks": OTHER, "further networks": FURTHER,
}  # fmt: skip


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


def report(results: list[dict], limits: dict[str, float], options: Namespace) -> str:
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


def remarks(page: Path) -> str:
    """What people have written below the tables of an earlier page."""
    text = page.read_text("utf-8") if page.exists() else ""
    _, heading, rest = text.partition(REMARKS)
    return f"\n{heading}{rest}" if heading else ""
