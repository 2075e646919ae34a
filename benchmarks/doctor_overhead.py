"""What a doctor costs at the defaults: the digits CNN, a larger CNN and the GPT, compiled.

python benchmarks/doctor_overhead.py [--repeat N]

Each training runs in turn with a doctor and without, N times. Printed are the medians of the
seconds, what the doctor says of its own share, and whether the weights are the same, bit for
bit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import networks

import chainrule as cr
from chainrule.cli.execution import Execution
from chainrule.cli.recipe import complete
from chainrule.cli.train import make_trainer
from chainrule.doctor import watch
from chainrule.tensor.tensor import Tensor

STEPS = 300  # of the larger ones


@dataclass
class Result:
    """One training."""

    seconds: float
    share: float
    looks: int
    weights: list[bytes]


def of(parameters: list[Tensor]) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in parameters]


def digits_cnn(watched: bool) -> Result:
    """The recipe of `chainrule train digits`."""
    recipe = complete(dataset="digits")
    cr.manual_seed(recipe.seed)
    execution = Execution(None, "native")
    trainer = make_trainer(recipe, recipe.load(None), [], execution, watched)
    start = time.perf_counter()
    trainer.fit()
    seconds = time.perf_counter() - start
    doctor = trainer.doctor.watch if trainer.doctor is not None else None
    looks = len(doctor.record.looks) if doctor else 0
    share = doctor.share if doctor else 0.0
    return Result(seconds, share, looks, of(list(trainer.model.parameters())))


def gpt(watched: bool) -> Result:
    """Of the benchmark."""
    return own_loop(networks.gpt, watched)


def cnn(watched: bool) -> Result:
    """Of the benchmark, for images of 28 by 28."""
    return own_loop(networks.cnn, watched)


def own_loop(make: Callable[..., networks.Task], watched: bool) -> Result:
    """A loop of one's own, the whole step compiled."""
    cr.manual_seed(0)
    task = make(cr)
    optimizer = cr.optim.AdamW(task.model.parameters(), lr=3e-4)
    ((_, loss_of),) = task.phases

    @cr.compile
    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    start = time.perf_counter()
    doctor = watch(task.model, optimizer, tell=lambda finding: None) if watched else None
    for _ in range(STEPS):
        step(*task.features, *task.targets)
    seconds = time.perf_counter() - start
    share, looks = (doctor.share, len(doctor.record.looks)) if doctor else (0.0, 0)
    if doctor:
        doctor.close()
    return Result(seconds, share, looks, of(list(task.model.parameters())))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    print("training     without      with     own share  looks  same weights")
    for name, train in (("digits CNN", digits_cnn), ("CNN", cnn), ("GPT", gpt)):
        print(f"{name:<12} {row(train, repeat)}", flush=True)


def row(train: Callable[[bool], Result], repeat: int) -> str:
    train(False)  # the machine code is on the disk from now on
    pairs = [(train(False), train(True)) for _ in range(repeat)]
    plain = statistics.median(without.seconds for without, _ in pairs)
    watched = statistics.median(with_one.seconds for _, with_one in pairs)
    share = statistics.median(with_one.share for _, with_one in pairs)
    same = all(without.weights == with_one.weights for without, with_one in pairs)
    looks = pairs[-1][1].looks
    return (
        f"{plain:7.2f} s {watched:7.2f} s     {share:7.2%} {looks:6}  {'yes' if same else 'NO'}"
    )


if __name__ == "__main__":
    main()
