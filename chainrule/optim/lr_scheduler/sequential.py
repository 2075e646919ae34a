"""Several schedules on one optimizer: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.optim.hyperparameters import refuse_while_tracing
from chainrule.optim.lr_scheduler.plateau import ReduceLROnPlateau
from chainrule.optim.lr_scheduler.scheduler import LRScheduler, set_lr
from chainrule.optim.optimizer import Optimizer


class Composed(LRScheduler):
    """A schedule made of schedules, whose state dict contains theirs."""

    _schedulers: list[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        owner = type(self).__name__
        if not schedulers:
            raise ArgumentError("CR606", f"{owner} needs at least one schedule")
        self._attach(schedulers[0].optimizer if optimizer is None else optimizer)
        for i, scheduler in enumerate(schedulers):
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentTypeError(
                    "CR606",
                    f"{owner}: schedule {i} is a ReduceLROnPlateau, which needs a value at "
                    "every step; step it by itself",
                )
            if scheduler.optimizer is not self.optimizer:
                raise ArgumentError(
                    "CR606", f"{owner}: schedule {i} belongs to another optimizer"
                )
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, but the optimizer; the parts as state dicts."""
        parts = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": parts}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._check_state(state_dict)
        ours, theirs = len(self._schedulers), len(state_dict["_schedulers"])
        if ours != theirs:
            raise ArgumentError(
                "CR605",
                f"this state dict does not fit the {type(self).__name__}: it is of {theirs} "
                f"schedules, here are {ours}",
            )
        vars(self).update({k: v for k, v in state_dict.items() if k != "_schedulers"})
        parts = zip(self._schedulers, state_dict["_schedulers"], strict=True)
        for scheduler, part in parts:
            scheduler.load_state_dict(part)

    def _unstarted(self) -> None:
        """Take back the first step that every part made when it was constructed."""
        for scheduler in self._schedulers:
            if isinstance(scheduler, Composed):
                scheduler._unstarted()
            else:
                scheduler.last_epoch -= 1


class SequentialLR(Composed):
    """One schedule after another: the next one starts at each milestone.

    Args:
        schedulers: all of the same optimizer
        milestones: the epochs at which the second, third, … begins; one less than schedules

    Example: a warm-up, then a cosine
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> warm_up = cr.optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2)
        >>> cosine = cr.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
        >>> scheduler = SequentialLR(optimizer, [warm_up, cosine], milestones=[2])
        >>> for epoch in range(5):
        ...     print(f"{scheduler.get_last_lr()[0]:.2f}")
        ...     optimizer.step()
        ...     scheduler.step()
        0.50
        0.75
        1.00
        0.50
        0.00
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                "CR606",
                f"SequentialLR: {len(schedulers)} schedules meet at {len(schedulers) - 1} "
                f"milestones, got {list(milestones)}",
            )
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            set_lr(group, float(group["initial_lr"]))
        self._unstarted()
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Go on by one epoch, in the schedule whose turn it is."""
        refuse_while_tracing("SequentialLR.step()")
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._move(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(Composed):
    """All schedules at once: each changes the rate that the one before has left."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = self._current()

    def step(self) -> None:  # type: ignore[override]
        """Step every part."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._current()
