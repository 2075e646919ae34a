"""lr_find: a learning-rate range test that leaves no trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chainrule.compiler.compile import compile as compiled
from chainrule.doctor.tools.range_test import RangeTest, judge
from chainrule.doctor.tools.restoring import restored
from chainrule.doctor.tools.stepping import (
    LossOf,
    check_optimizer,
    check_reached,
    checked_loss,
    endless,
    is_iterator,
    loss_of_pair,
    module_of,
)
from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.nn.utils.clip_grad import clip_grad_norm_
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.tensor import Tensor

TOOL = "lr_find"
FEWEST = 10  # steps
MEMORY = 0.8  # of the running mean that tells divergence
DIVERGED = 3.0  # rises by so many times the best fall, or the noise, or half the loss


def lr_find(
    model: Module,
    loss_function: Callable[[Any, Any], Tensor] | None,
    optimizer: Any,
    batches: Iterable[Any],
    *,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    loss_of: LossOf | None = None,
    clip_norm: float | None = None,
    compile: bool = False,
) -> RangeTest:
    """Train for some steps with a growing learning rate, and say which rate to use.

        lr_i = low (high / low)^(i / (steps - 1))

    The test stops where the loss diverges. Afterwards weights, buffers, modes, gradients, the
    optimizer, the random streams and the DataLoader are bit for bit what they were.

    Args:
        model: is put into training mode meanwhile; may be compiled.
        loss_function: of outputs and targets.
        optimizer: of the kind to be trained with; groups keep the ratios of their rates.
        batches: pairs of inputs and targets, used again from the beginning when they run out.
        low, high: the first and last learning rate.
        steps: from `low` to `high`; more steps average over more noise.
        loss_of: makes the loss of a batch that is no pair; instead of loss_function.
        clip_norm: scale the gradients as the training will, or None.
        compile: compile the step, which pays for large models.

    Raises: ArgumentTypeError (CR836) or ModuleError (CR837) for what is no module, or a lazy
        one; ArgumentError for a range that makes no sense (CR835) and an optimizer that moves
        nothing of this model (CR834); DataError without batches (CR830) or for a batch that is
        no pair (CR831); ArgumentTypeError (CR832) or GradientError (CR833) for a loss that
        backward cannot start from. What the model raises comes through as it is.

    Notes: each batch is also given to the weights of the beginning, so that batches that are
        hard or easy by themselves can be told from what was learned; this costs a forward
        pass more, and makes a hundred steps enough where others need a thousand. An iterator,
        unlike a DataLoader or a list, cannot be put back; its batches are used
        up, which the result says.

    Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", §3.3

    Example:
        >>> import chainrule as cr
        >>> x = cr.randn(64, 8)
        >>> data = cr.utils.data.TensorDataset(x, x @ cr.randn(8, 1))
        >>> loader = cr.utils.data.DataLoader(data, batch_size=16, shuffle=True)
        >>> net = cr.nn.Sequential(cr.nn.Linear(8, 16), cr.nn.ReLU(), cr.nn.Linear(16, 1))
        >>> optimizer = cr.optim.SGD(net.parameters(), lr=0.01)
        >>> found = lr_find(net, cr.nn.MSELoss(), optimizer, loader)
        >>> 0.001 < found.suggestion < 0.5
        True
        >>> optimizer.param_groups[0]["lr"]
        0.01
    """
    _check_range(low, high, steps)
    module_of(TOOL, model)
    check_optimizer(TOOL, optimizer)
    compute = loss_of or loss_of_pair(TOOL, model, loss_function)
    rates = [low * (high / low) ** (i / (steps - 1)) for i in range(steps)]
    used_up = is_iterator(batches)
    kept = None if used_up else batches
    with restored(model, loss_function, loss_of, optimizer, kept), enable_grad():
        model.train()
        step = _step(compute, optimizer, clip_norm)
        run = compiled(step) if compile else step
        pairs = list(_run(run, _AtStart(model, compute), optimizer, rates, batches))
    note = f"the iterator of batches was read on by up to {len(pairs)}; it cannot be put back"
    losses, at_start = zip(*pairs)
    return judge(rates[: len(pairs)], losses, at_start, (note,) if used_up else ())


def _check_range(low: float, high: float, steps: int) -> None:
    if not 0 < low < high < math.inf:
        raise ArgumentError(
            "CR835", f"{TOOL}: the rates go from low up to high, got low={low}, high={high}"
        )
    if steps < FEWEST:
        raise ArgumentError("CR835", f"{TOOL}: takes at least {FEWEST} steps, got {steps}")


def _step(compute: LossOf, optimizer: Any, clip_norm: float | None) -> Callable[[Any], Tensor]:
    """A step of training on a batch; its loss."""

    def step(batch: Any) -> Tensor:
        optimizer.zero_grad()
        loss = checked_loss(TOOL, compute(batch))
        loss.backward()
        check_reached(TOOL, optimizer)
        if clip_norm is not None:
            clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], clip_norm)
        optimizer.step()
        return loss.detach()

    return step


class _AtStart:
    """The loss that the weights and buffers of the beginning have on a batch."""

    def __init__(self, model: Any, compute: LossOf) -> None:
        self.compute = compute
        cells = [x._cell for x in (*model.parameters(), *model.buffers())]
        self.arrays = {cell: cell.array for cell in cells}

    def __call__(self, batch: Any) -> float:
        now = {cell: cell.array for cell in self.arrays}
        self._put(self.arrays)
        try:
            with no_grad():
                return float(self.compute(batch).item())
        finally:
            self._put(now)

    def _put(self, arrays: dict[Any, Any]) -> None:
        for cell, array in arrays.items():
            cell.array = array


def _run(
    step: Callable[[Any], Tensor], at_start: _AtStart, optimizer: Any, rates: list[float],
    batches: Iterable[Any],
) -> Iterator[tuple[float, float]]:  # fmt: skip
    """The losses now and at the start, up to the first that is not finite or far too high."""
    own = [float(group["lr"]) for group in optimizer.param_groups]
    unit = max(own) or 1.0
    shares = [lr / unit if max(own) else 1.0 for lr in own]
    watch = _Divergence()
    for rate, batch in zip(rates, endless(TOOL, batches)):
        for group, share in zip(optimizer.param_groups, shares):
            group["lr"] = rate * share
        loss = float(step(batch).item())
        yield loss, at_start(batch)
        if watch.diverged(loss):
            return


class _Divergence:
    """Tells from the losses so far whether going on makes sense."""

    def __init__(self) -> None:
        self.first: list[float] = []
        self.mean = 0.0
        self.weight = 0.0
        self.best = math.inf

    def diverged(self, loss: float) -> bool:
        """Whether the loss has risen by far more than it ever fell or scatters."""
        if not math.isfinite(loss):
            return True
        self.mean = MEMORY * self.mean + (1 - MEMORY) * loss
        self.weight = MEMORY * self.weight + 1 - MEMORY
        smoothed = self.mean / self.weight
        if len(self.first) < FEWEST:
            self.first.append(loss)
            return False
        self.best = min(self.best, smoothed)
        level, scatter = sum(self.first) / FEWEST, max(self.first) - min(self.first)
        rise = max(level - self.best, scatter, 0.5 * abs(level))
        return smoothed > max(level, self.best) + DIVERGED * rise
