"""The rate goes up and down, again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chainrule.optim.lr_scheduler.functions import attributes
from chainrule.optim.lr_scheduler.scheduler import (
    LRScheduler,
    bad_argument,
    per_group,
    set_lr,
    set_momentum,
    turns_beta1,
)
from chainrule.optim.optimizer import Optimizer

MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(LRScheduler):
    """Between `base_lr` and `max_lr` in straight lines; the momentum goes the other way.

        η = η_base + (η_max - η_base) h s(x),   h from 0 to 1 and back to 0 in every cycle

    Step it after every batch: it counts batches, not epochs.

    Args:
        base_lr, max_lr: the lowest and highest rate, one for all groups or one for each
        step_size_up: batches on the way up
        step_size_down: batches on the way down, by default as many
        mode: the scale s: "triangular" 1; "triangular2" half of the cycle before;
            "exp_range" γ to the power of the batches so far
        gamma: γ
        scale_fn: s as a function of the user's own, in place of mode
        scale_mode: whether x in scale_fn counts "cycle" (from 1) or "iterations"
        cycle_momentum: whether momentum (or β₁) falls and rises too
        base_momentum, max_momentum: its lowest and highest value

    Raises: ArgumentError (CR606) for arguments that do not fit together.

    Source: Smith 2017, https://arxiv.org/abs/1506.01186

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=0.1, momentum=0.9)
        >>> scheduler = CyclicLR(optimizer, 0.0, 1.0, step_size_up=2, mode="triangular2")
        >>> for batch in range(8):
        ...     print(scheduler.get_last_lr()[0], end=" ")
        ...     optimizer.step()
        ...     scheduler.step()
        0.0 0.5 1.0 0.5 0.0 0.25 0.5 0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        if mode not in MODES and scale_fn is None:
            raise bad_argument("CyclicLR", f"mode is one of {MODES}, or give scale_fn", mode)
        down = step_size_up if step_size_down is None else step_size_down
        if not (step_size_up > 0 and down > 0):
            raise bad_argument(
                "CyclicLR", "step_size_up and step_size_down must be above 0",
                (step_size_up, step_size_down),
            )  # fmt: skip
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        lowest = per_group("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = per_group("CyclicLR", "max_lr", max_lr, optimizer)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lowest, strict=True):
                set_lr(group, low)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._prepare_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def _prepare_momentum(self, base: Any, highest: Any, last_epoch: int) -> None:
        self.use_beta1 = turns_beta1("CyclicLR", self.optimizer)
        self.base_momentums = per_group("CyclicLR", "base_momentum", base, self.optimizer)
        self.max_momentums = per_group("CyclicLR", "max_momentum", highest, self.optimizer)
        if last_epoch == -1:
            for group, low, high in self._momenta():
                set_momentum(group, high, self.use_beta1)
                group.update(max_momentum=high, base_momentum=low)

    def _momenta(self) -> Iterator[tuple[dict[str, Any], float, float]]:
        """The groups, each with its lowest and highest momentum."""
        groups = self.optimizer.param_groups
        return zip(groups, self.base_momentums, self.max_momentums, strict=True)

    def scale_fn(self, x: float) -> float:
        """s(x)"""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else 1.0

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        share = 1.0 + self.last_epoch / self.total_size - cycle
        up = share <= self.step_ratio
        height = share / self.step_ratio if up else (share - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in self._momenta():
                set_momentum(group, high - (high - low) * height, self.use_beta1)
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height for low, high in pairs]

    def state_dict(self) -> dict[str, Any]:
        """As LRScheduler.state_dict; a function is left out, an object gives its attributes."""
        custom = self._scale_fn_custom
        kept = None if custom is None else attributes(custom)
        return {**super().state_dict(), "_scale_fn_custom": kept}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._check_state(state_dict)
        vars(self).update({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if state_dict["_scale_fn_custom"] is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])
