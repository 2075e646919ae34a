"""The rate rises and falls once in a whole training."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.optim.lr_scheduler.scheduler import (
    LRScheduler,
    bad_argument,
    per_group,
    set_momentum,
    turns_beta1,
)
from chainrule.optim.optimizer import Optimizer

Phase = dict[str, Any]


class OneCycleLR(LRScheduler):
    """From a small rate up to `max_lr` and down to almost 0; the momentum goes the other way.

    Step it after every batch: it counts batches, not epochs.

    Args:
        max_lr: the highest rate, one for all groups or one for each
        total_steps: batches in the whole training, or else epochs · steps_per_epoch
        pct_start: the share of them, 0 to 1, in which the rate rises
        anneal_strategy: "cos" or "linear"
        cycle_momentum: whether momentum (or β₁) falls and rises too
        base_momentum, max_momentum: its lowest and highest value
        div_factor: max_lr / the first rate
        final_div_factor: the first rate / the last one
        three_phase: come down as long as it went up, and only then on to the last rate

    Raises: ArgumentError (CR606) for arguments that do not fit together, ArgumentError
        (CR608) for more steps than there are.

    Source: Smith and Topin 2018, https://arxiv.org/abs/1708.07120

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=0.1, momentum=0.9)
        >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.4)
        >>> for batch in range(4):
        ...     optimizer.step()
        ...     scheduler.step()
        ...     print(f"{scheduler.get_last_lr()[0]:.3f}")
        1.000
        0.750
        0.250
        0.000
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        if anneal_strategy not in ("cos", "linear"):
            raise bad_argument(
                "OneCycleLR", "anneal_strategy is 'cos' or 'linear'", anneal_strategy
            )
        if not 0 <= pct_start <= 1:
            raise bad_argument("OneCycleLR", "pct_start must be from 0 to 1", pct_start)
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        peaks = per_group("OneCycleLR", "max_lr", max_lr, optimizer)
        if last_epoch == -1:
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                first = peak / div_factor
                group.update(initial_lr=first, max_lr=peak, min_lr=first / final_div_factor)
        if cycle_momentum:
            self._prepare_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _prepare_momentum(self, base: Any, highest: Any, last_epoch: int) -> None:
        self.use_beta1 = turns_beta1("OneCycleLR", self.optimizer)
        lows = per_group("OneCycleLR", "base_momentum", base, self.optimizer)
        highs = per_group("OneCycleLR", "max_momentum", highest, self.optimizer)
        if last_epoch == -1:
            for group, low, high in zip(self.optimizer.param_groups, lows, highs, strict=True):
                group.update(max_momentum=high, base_momentum=low)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ArgumentError(
                "CR608",
                f"OneCycleLR was made for {self.total_steps} steps, this is step "
                f"{self.last_epoch}. Count all batches of all epochs in total_steps, and step "
                "once per batch",
            )
        phase, share = self._phase()
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            momentum = self._between(group, phase, "momentum", share)
            set_momentum(group, momentum, self.use_beta1)
        return [self._between(g, phase, "lr", share) for g in self.optimizer.param_groups]

    def _phase(self) -> tuple[Phase, float]:
        """The phase that the step is in, and how much of it is done."""
        ends = [phase["end_step"] for phase in self._schedule_phases[:-1]]
        over = [end for end in ends if end < self.last_epoch]
        phase, start = self._schedule_phases[len(over)], over[-1] if over else 0.0
        length = phase["end_step"] - start
        return phase, (self.last_epoch - start) / length if length else 1.0

    def _between(self, group: dict[str, Any], phase: Phase, what: str, share: float) -> float:
        start, end = group[phase[f"start_{what}"]], group[phase[f"end_{what}"]]
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise bad_argument(
            "OneCycleLR",
            "give total_steps, or epochs and steps_per_epoch",
            {"total_steps": total_steps, "epochs": epochs, "steps_per_epoch": steps_per_epoch},
        )
    factors = [epochs, steps_per_epoch] if total_steps is None else [total_steps]
    if not all(isinstance(n, int) and n > 0 for n in factors):
        raise bad_argument(
            "OneCycleLR", "the number of steps must be whole and above 0", factors
        )
    return math.prod(factors)  # type: ignore[arg-type]


def _phases(total: int, pct_start: float, three_phase: bool) -> list[Phase]:
    """Where each phase ends, and the entries of a group that it leads from and to."""
    peak = float(pct_start * total) - 1
    ends = [peak, float(2 * pct_start * total) - 2] if three_phase else [peak]
    rates = ["initial_lr", "max_lr", "initial_lr", "min_lr"]
    momenta = ["max_momentum", "base_momentum", "max_momentum", "max_momentum"]
    if not three_phase:
        del rates[2], momenta[2]
    rows = zip([*ends, total - 1], pairwise(rates), pairwise(momenta), strict=True)
    return [
        {
            "end_step": end, "start_lr": lr[0], "end_lr": lr[1],
            "start_momentum": momentum[0], "end_momentum": momentum[1],
        }
        for end, lr, momentum in rows
    ]  # fmt: skip
