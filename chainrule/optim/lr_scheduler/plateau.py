"""The rate is reduced when a measured value gets no better."""

from __future__ import annotations

import math
from typing import SupportsFloat

from chainrule.errors import ArgumentError
from chainrule.optim.hyperparameters import refuse_while_tracing
from chainrule.optim.lr_scheduler.scheduler import LRScheduler, bad_argument, per_group, set_lr
from chainrule.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rate by `factor` after more than `patience` epochs without improvement.

    Args:
        mode: "min" if smaller values are better (a loss), "max" if larger (an accuracy)
        factor: below 1
        patience: how many epochs without improvement are borne
        threshold: what counts as an improvement: better than best · (1 ∓ threshold) in
            threshold_mode "rel", than best ∓ threshold in "abs"
        cooldown: epochs after a reduction in which nothing is counted
        min_lr: the lowest rate, one for all groups or one for each
        eps: a reduction by less than this is left out

    Raises: ArgumentError (CR606) for arguments that do not fit together.

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = ReduceLROnPlateau(optimizer, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     scheduler.step(loss)
        ...     print(scheduler.get_last_lr())
        [1.0]
        [1.0]
        [1.0]
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self._attach(optimizer)
        if not factor < 1:
            raise bad_argument("ReduceLROnPlateau", "factor must be below 1", factor)
        if mode not in ("min", "max"):
            raise bad_argument("ReduceLROnPlateau", "mode is 'min' or 'max'", mode)
        if threshold_mode not in ("rel", "abs"):
            raise bad_argument(
                "ReduceLROnPlateau", "threshold_mode is 'rel' or 'abs'", threshold_mode
            )
        self.factor = factor
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = self._current()
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._reset()

    def _reset(self) -> None:
        """Forget the best value and start counting anew."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take in the value of an epoch, and reduce the rates if it is time."""
        refuse_while_tracing("ReduceLROnPlateau.step()")
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._current()

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            bar = self.best * (1 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return sign * value > sign * bar

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(self.min_lrs) != len(groups) and self.default_min_lr is not None:
            self.min_lrs = [self.default_min_lr] * len(groups)
        if len(self.min_lrs) != len(groups):
            raise ArgumentError(
                "CR606",
                f"ReduceLROnPlateau has {len(self.min_lrs)} lowest rates, the optimizer "
                f"{len(groups)} groups by now; set scheduler.min_lrs to one for each",
            )
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            rate = float(group["lr"])
            reduced = max(rate * self.factor, lowest)
            if rate - reduced > self.eps:
                set_lr(group, reduced)

    def get_lr(self) -> list[float]:
        return self._current()
