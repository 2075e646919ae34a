"""Schedules that multiply the first learning rate by a factor of the epoch."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from chainrule.optim.lr_scheduler.scheduler import LRScheduler, bad_argument
from chainrule.optim.optimizer import Optimizer


class FactorLR(LRScheduler):
    """η_t = f(t) η₀, computed as η_t = η_{t-1} f(t) / f(t - 1)."""

    def factor_at(self, epoch: int) -> float:
        """f(t)"""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        if self._taken_up:
            return self._current()
        now = self.factor_at(self.last_epoch)
        before = self.factor_at(self.last_epoch - 1) if self.last_epoch > 0 else 1.0
        ratio = 1.0 if now == before else now / before
        return [rate * ratio for rate in self._current()]

    def _get_closed_form_lr(self) -> list[float]:
        return [base * self.factor_at(self.last_epoch) for base in self.base_lrs]


class StepLR(FactorLR):
    """Every `step_size` epochs the rate is multiplied by γ:  f(t) = γ^⌊t / step_size⌋.

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
        >>> for epoch in range(4):
        ...     optimizer.step()
        ...     scheduler.step()
        ...     print(scheduler.get_last_lr())
        [1.0]
        [0.5]
        [0.5]
        [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if not step_size > 0:
            raise bad_argument("StepLR", "step_size must be at least 1", step_size)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(FactorLR):
    """At each milestone the rate is multiplied by γ:  f(t) = γ^(number of milestones ≤ t)."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), epoch)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As LRScheduler.load_state_dict; the milestones may have become text, as in JSON."""
        super().load_state_dict(state_dict)
        counted = {int(epoch): times for epoch, times in self.milestones.items()}
        self.milestones = Counter(counted)


class ExponentialLR(FactorLR):
    """Every epoch the rate is multiplied by γ:  f(t) = γᵗ."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return self.gamma**epoch


class ConstantLR(FactorLR):
    """A smaller rate at the start:  f(t) = factor while t < total_iters, then 1."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < factor <= 1:
            raise bad_argument("ConstantLR", "factor must be above 0 and at most 1", factor)
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        return self.factor if epoch < self.total_iters else 1.0


class LinearLR(FactorLR):
    """A straight way from one factor to another.

    f(t) = start + (end - start) · min(t, total_iters) / total_iters
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise bad_argument(
                "LinearLR", "start_factor must be above 0 and at most 1", start_factor
            )
        if not 0 <= end_factor <= 1:
            raise bad_argument("LinearLR", "end_factor must be from 0 to 1", end_factor)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters if self.total_iters else 0
        return self.start_factor + (self.end_factor - self.start_factor) * done


class PolynomialLR(FactorLR):
    """Down to 0 in T = `total_iters` epochs:  f(t) = (1 - min(t, T) / T)^power."""

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def factor_at(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters if self.total_iters else 0
        return (1.0 - done) ** self.power
