"""Loss curves of the native engine against the reference engine, which runs NumPy.

    python benchmarks/curves.py                      all training workloads: 15 minutes
    python benchmarks/curves.py mlp-32 gpt --quick   50 steps each
    python benchmarks/curves.py --markdown curves.md

Each workload trains three times from the same weights on the same batches, which come round
again and again: on both engines, and on the reference engine with every weight changed by one
part in ten million. What that change makes of the curve is the yardstick: two engines that
only round differently are not much further apart. The table has both, native / yardstick.
"""

from __future__ import annotations

import argparse
import inspect
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from networks import Task
from speed_page import table
from workloads import TRAINING, UNSEEN, Workload

import chainrule as cr

CHANGE = 1e-7  # of the weights, relative: the yardstick
BATCHES = 8  # that come round
MARKS = (1, 10, 100, 500)  # steps up to which the largest deviation is told
STEPS = 500
CHOSEN = TRAINING | UNSEEN
#: smaller arguments than in the table of speeds: NumPy takes long for these
SMALLER: dict[str, dict[str, int]] = {
    "resnet20": {"batch": 16},
    "resnet20-sgd": {"batch": 16},
    "vgg11": {"batch": 2},
    "mobilenet": {"batch": 4},
    "lstm": {"batch": 4, "length": 25},
    "gru": {"batch": 4, "length": 25},
    "gpt": {"batch": 2},
    "gpt-dropout": {"batch": 2},
    "vit": {"batch": 2},
    "vae": {"batch": 16},
    "unet": {"batch": 2, "side": 32},
    "densenet": {"batch": 4},
    "dcgan": {"batch": 8},
}


@dataclass(frozen=True)
class Curve:
    """The losses of a training, and how long a step took."""

    losses: np.ndarray
    seconds: float


def many_batches(workload: Workload) -> tuple[Task, list[tuple]]:
    """The workload's network, and several batches instead of its one."""
    parameters = inspect.signature(workload.make).parameters
    batch = workload.arguments.get("batch", parameters["batch"].default)
    arguments = workload.arguments | {"batch": BATCHES * batch}
    task = replace(workload, arguments=arguments).build(cr)
    whole = workload.inputs(task)
    starts = range(0, BATCHES * batch, batch)
    return task, [tuple(x[i : i + batch].clone() for x in whole) for i in starts]


def perturb(task: Task) -> None:
    """Change every weight a very little."""
    rng = np.random.default_rng(2)
    with cr.no_grad():
        for parameter in task.model.parameters():
            noise = rng.standard_normal(tuple(parameter.shape))
            changed = parameter.detach().numpy() * (1 + CHANGE * noise)
            parameter.copy_(cr.from_numpy(changed.astype(np.float32)))


def train(workload: Workload, engine: str, steps: int, perturbed: bool = False) -> Curve:
    """So many steps on one engine."""
    cr.manual_seed(0)
    task, batches = many_batches(workload)
    if perturbed:
        perturb(task)
    step = cr.compile(workload.step(cr, task), engine=engine)
    begin = time.perf_counter()
    losses = [step(*batches[i % BATCHES]).item() for i in range(steps)]
    return Curve(np.array(losses), (time.perf_counter() - begin) / steps)


def deviations(curve: Curve, reference: Curve) -> np.ndarray:
    """How far apart two curves are at each step, relative to the second."""
    return np.abs(curve.losses - reference.losses) / np.abs(reference.losses)


def marks(steps: int) -> Iterator[int]:
    """MARKS up to the number of steps, and that number."""
    yield from (mark for mark in MARKS if mark < steps)
    yield steps


def compare(name: str, steps: int) -> list[str]:
    """The row of a workload: how far the native engine is from the reference engine."""
    smaller, workload = SMALLER.get(name, {}), CHOSEN[name]
    workload = replace(workload, arguments=workload.arguments | smaller)
    reference = train(workload, "reference", steps)
    native = train(workload, "native", steps)
    changed = train(workload, "reference", steps, perturbed=True)
    apart = [deviations(curve, reference) for curve in (native, changed)]
    largest = {
        mark: " / ".join(f"{curve[:mark].max():.1e}" for curve in apart)
        for mark in marks(steps)
    }
    cells = [largest.get(mark, "") for mark in MARKS]
    if steps not in MARKS:
        cells[-1] = f"{largest[steps]} ({steps})"
    finite = all(math.isfinite(curve.max()) for curve in apart)
    return [
        name + " **not finite**" * (not finite),
        ", ".join(f"{key} {value}" for key, value in smaller.items()) or "in full",
        *cells,
        f"{native.losses[0]:.4g} → {native.losses[-1]:.4g} / {reference.losses[-1]:.4g}",
        f"{native.seconds * 1e3:.3g} / {reference.seconds * 1e3:.3g}",
    ]


HEADINGS = [
    "workload", "sizes", *[f"apart to step {mark}" for mark in MARKS],
    "loss, native / reference", "ms a step",
]  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Loss curves of both engines")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CHOSEN)}; default: all")
    parser.add_argument("--quick", action="store_true", help="50 steps")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(CHOSEN):
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(CHOSEN)}")
    cr.set_num_threads(options.threads)
    rows = []
    print(*HEADINGS, sep=" | ")
    for name in options.names or CHOSEN:
        steps = min(options.steps, 50) if options.quick else options.steps
        rows.append(compare(name, steps))
        print(*rows[-1], sep=" | ", flush=True)
    if options.markdown:
        options.markdown.write_text(table(HEADINGS, rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
