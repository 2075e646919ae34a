"""overfit_one_batch: can the model learn a single batch by heart?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.doctor.tools.attainable import attainable_loss, constant_loss
from chainrule.doctor.tools.drawing import curve, finite_or_text
from chainrule.doctor.tools.observations import Seen, advice, observe
from chainrule.doctor.tools.restoring import restored
from chainrule.doctor.tools.stepping import (
    LossOf,
    check_optimizer,
    check_reached,
    checked_loss,
    module_of,
    pair,
)
from chainrule.errors import ArgumentError
from chainrule.nn.dropout import DropoutBase
from chainrule.nn.module import Module
from chainrule.printed import Printed
from chainrule.tensor.grad_mode import enable_grad
from chainrule.tensor.tensor import Tensor

TOOL = "overfit_one_batch"
BOTTOMLESS = 5.0  # times the first loss below zero
LEARNED = 0.05  # of the way from the first loss to the lowest possible one may be left


@dataclass(frozen=True, repr=False)
class Overfit(Printed):
    """Whether one batch was learned: `print` it, or take `as_dict()`.

    Args:
        passed: whether the loss came near the lowest possible one.
        verdict: the same in words, with numbers.
        look_at: what to look at if it did not, the likeliest cause first.
        initial, best: the loss before the first step, and the lowest.
        floor: the lowest loss that outputs can have for these targets, as far as is known.
        goal: the loss at which the batch counts as learned.
        losses: before each step.
    """

    passed: bool
    verdict: str
    look_at: tuple[str, ...]
    initial: float
    best: float
    floor: float
    goal: float
    losses: list[float]

    def __bool__(self) -> bool:
        return self.passed

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and plots."""
        found = {k: finite_or_text(getattr(self, k)) for k in ("initial", "best", "floor")}
        rest = {"goal": finite_or_text(self.goal), "look_at": list(self.look_at)}
        losses = [finite_or_text(loss) for loss in self.losses]
        return {"passed": self.passed, "verdict": self.verdict, **found, **rest,
                "losses": losses}  # fmt: skip

    def __str__(self) -> str:
        if self.passed:
            return self.verdict
        drawn = curve(range(len(self.losses)), self.losses, height=8)
        return "\n".join([self.verdict, *(f"  - {each}" for each in self.look_at), *drawn])


def overfit_one_batch(
    model: Module,
    loss_function: Callable[[Any, Any], Tensor] | None,
    optimizer: Any,
    batch: Any,
    steps: int = 500,
    *,
    loss_of: LossOf | None = None,
) -> Overfit:
    """Train on one batch until it is learned by heart, and say so or say what hinders it.

    A model that can learn brings the loss of one batch near the lowest possible one; one that
    cannot has a fault in its wiring, its loss or its rate that more data will not mend.
    Afterwards everything is bit for bit what it was.

    Args:
        model: is put into training mode meanwhile, with dropout layers switched off.
        batch: a pair of inputs and targets; few samples are learned in fewer steps.
        steps: at most; it ends as soon as the batch is learned.
        loss_of: makes the loss of a batch that is no pair; instead of loss_function.

    Raises: as lr_find, CR831 to CR837; ArgumentError (CR835) for less than one step.

    Notes: the lowest possible loss is 0 for many losses, but not with label smoothing or for
        targets between 0 and 1; it is looked for by changing the outputs alone. Passing is no
        proof: a missing shuffle or wrong labels can be learned by heart too.

    Source: Karpathy 2019, "A Recipe for Training Neural Networks"

    Example:
        >>> import chainrule as cr
        >>> x, y = cr.randn(16, 8), cr.arange(16) % 4
        >>> net = cr.nn.Sequential(cr.nn.Linear(8, 32), cr.nn.ReLU(), cr.nn.Linear(32, 4))
        >>> optimizer = cr.optim.Adam(net.parameters(), lr=0.01)
        >>> overfit_one_batch(net, cr.nn.CrossEntropyLoss(), optimizer, (x, y)).passed
        True
    """
    if steps < 1:
        raise ArgumentError("CR835", f"{TOOL}: takes at least one step, got {steps}")
    check_optimizer(TOOL, optimizer)
    module = module_of(TOOL, model)
    with restored(model, loss_function, loss_of, optimizer), enable_grad():
        model.train()
        for part in module.modules():
            if isinstance(part, DropoutBase):
                part.training = False
        seen = Seen()
        compute = loss_of or _loss_of(model, loss_function, seen)
        return _tried(module, loss_function, optimizer, batch, steps, compute, seen)


def _loss_of(model: Any, loss_function: Any, seen: Seen) -> LossOf:
    def loss_of(batch: Any) -> Tensor:
        inputs, targets = pair(TOOL, batch)
        outputs = model(inputs)
        seen.take(inputs, targets, outputs)
        return loss_function(outputs, targets)

    return loss_of


def _tried(
    module: Module, loss_function: Any, optimizer: Any, batch: Any, steps: int, compute: LossOf,
    seen: Seen,
) -> Overfit:  # fmt: skip
    """The run and its judgement."""
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    losses = [float(checked_loss(TOOL, compute(batch)).item())]
    floor = attainable_loss(loss_function, seen.outputs, seen.targets, losses[0])
    goal = _goal(losses[0], floor, constant_loss(loss_function, seen.outputs, seen.targets))
    watched: dict[str, Any] = {}
    for loss in _losses(optimizer, batch, steps, compute):
        losses.append(loss)
        if len(losses) == 2:
            watched = observe(module, optimizer, before)
        if loss <= goal or not math.isfinite(loss):
            break
    finite = [loss for loss in losses if math.isfinite(loss)]
    best = min(finite, default=math.nan)
    bottomless = best < 0 and best < -BOTTOMLESS * abs(losses[0])
    passed = best <= goal and not bottomless
    verdict = _verdict(passed, losses, best, floor, goal)
    if bottomless:
        verdict = (
            f"the loss fell from {losses[0]:.4g} to {best:.4g}, as if it had no lowest value"
        )
    causes = advice(watched, losses, floor, seen, optimizer)
    look_at = () if passed else tuple(causes)
    return Overfit(passed, verdict, look_at, losses[0], best, floor, goal, losses)


def _goal(initial: float, floor: float, constant: float) -> float:
    """Near the floor, seen from where a model stands that does not look at its inputs."""
    start = constant if floor < constant < initial else initial
    return floor + LEARNED * max(start - floor, 0.0)


def _losses(optimizer: Any, batch: Any, steps: int, compute: LossOf) -> Iterator[float]:
    """The loss after each step."""
    optimizer.zero_grad()
    loss = compute(batch)
    for _ in range(steps):
        loss.backward()
        check_reached(TOOL, optimizer)
        optimizer.step()
        optimizer.zero_grad()
        loss = compute(batch)
        yield float(loss.item())


def _verdict(passed: bool, losses: list[float], best: float, floor: float, goal: float) -> str:
    lowest = f" (the lowest possible is {floor:.3g})" if floor > 1e-3 * abs(losses[0]) else ""
    went = f"the loss went from {losses[0]:.4g} to {best:.4g}{lowest}"
    if passed:
        return f"the batch was learned in {len(losses) - 1} steps: {went}"
    if not np.isfinite(losses[-1]):
        return f"the loss became {losses[-1]} after {len(losses) - 1} steps on one batch"
    return (
        f"the batch was NOT learned in {len(losses) - 1} steps: {went}, and {goal:.3g} counts "
        "as learned"
    )
