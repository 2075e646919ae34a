"""Seconds of the first call of a compiled step:  python benchmarks/compile_time.py [names…]

Each call is made in a process of its own: cold, with an empty cache of compiled code, and again
with what that left there. Figures are medians, also of the spans that a call consists of; byte
code of Python's is there, as it is where chainrule was installed.

    python benchmarks/compile_time.py                     mlp-32 and resnet20, five times
    python benchmarks/compile_time.py gpt lstm --repeat 9 --threads 1
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from workloads import WORKLOADS

import chainrule

NAMES = ("mlp-32", "resnet20")
#: what a call consists of; "load" is that of the engine, of its threads and of machine code,
#: "LLVM" what is left of it when the code is written
SPANS = ("trace", "passes", "plan", "code", "LLVM", "load", "first run")
SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CHAINRULE_NUM_THREADS")


def first_call(name: str) -> dict[str, float]:
    """The spans of a workload's first call in this process."""
    workload = WORKLOADS[name]
    chainrule.manual_seed(0)
    task = workload.build(chainrule)
    step, inputs = chainrule.compile(workload.step(chainrule, task)), workload.inputs(task)
    start = time.perf_counter()
    step(*inputs)
    total = time.perf_counter() - start
    (recording,) = step.explain().recordings
    return spans(total, recording)


def spans(total: float, recording: Any) -> dict[str, float]:
    """Where the seconds went."""
    whole, engine = recording.seconds, dict(recording.program.seconds)
    found = {name: whole[name] for name in ("trace", "passes")}
    found |= {name: engine.pop(name, 0.0) for name in ("code", "LLVM")}
    loading = ("look into the disk cache", "load")
    found["plan"] = sum(s for name, s in engine.items() if name not in loading)
    found["load"] = whole["engine"] - found["plan"] - found["code"] - found["LLVM"]
    return {"total": total, **found, "first run": total - sum(found.values())}


def measured(name: str, options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Calls with an empty cache, each followed by one that finds what it needs."""
    found: dict[str, list] = {"cold": [], "cached": []}
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory() as cache:
            for calls in found.values():
                calls.append(in_process(name, cache, options))
    return found


def in_process(name: str, cache: str, options: argparse.Namespace) -> dict[str, float]:
    """`first_call` in a fresh process."""
    environment = os.environ | dict.fromkeys(SETTINGS, str(options.threads))
    environment |= {"CHAINRULE_CACHE_DIR": cache, "PYTHONPYCACHEPREFIX": options.bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, __file__, "--child", name]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def table(name: str, found: dict[str, list[dict[str, float]]]) -> str:
    rows = []
    for kind, calls in found.items():
        totals = [call["total"] for call in calls]
        cells = [f"{statistics.median(totals):8.3f}", f"{min(totals):8.3f}"]
        cells += [f"{statistics.median(call[s] for call in calls):9.3f}" for s in SPANS]
        rows.append(f"{name:12} {kind:7}" + " ".join(cells))
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("names", nargs="*", default=NAMES, help="workloads")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(first_call(options.child)))
        return
    heads = [f"{s:>8}" for s in ("median", "least")] + [f"{s:>9}" for s in SPANS]
    print(f"{'workload':12} {'cache':7}" + " ".join(heads))
    with tempfile.TemporaryDirectory() as options.bytecode:
        for name in options.names:
            with tempfile.TemporaryDirectory() as cache:
                in_process(name, cache, options)  # leaves the byte code
            print(table(name, measured(name, options)), flush=True)


if __name__ == "__main__":
    main()
