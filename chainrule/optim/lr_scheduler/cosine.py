"""The rate falls along half a cosine."""

from __future__ import annotations

import math

from chainrule.optim.lr_scheduler.scheduler import LRScheduler, bad_argument
from chainrule.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """From the first rate down to η_min in T_max epochs, and up again in as many.

        η_t = η_min + (η₀ - η_min) (1 + cos(π t / T_max)) / 2

    computed from the rate before, so that other schedules may change it too:

        η_t = η_min + (η_{t-1} - η_min) (1 + cos(π t / T_max)) / (1 + cos(π (t-1) / T_max))

    Args:
        T_max: epochs from the top to the bottom
        eta_min: the lowest rate

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983 (without restarts)

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = CosineAnnealingLR(optimizer, T_max=2)
        >>> for epoch in range(2):
        ...     optimizer.step()
        ...     scheduler.step()
        ...     print(f"{scheduler.get_last_lr()[0]:.3f}")
        0.500
        0.000
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not T_max > 0:
            raise bad_argument("CosineAnnealingLR", "T_max must be above 0", T_max)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        if t <= 0 or self._taken_up:
            return self._current()
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # the factor before was 0
            turn = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(self.base_lrs, self._current(), strict=True)
            return [rate + (base - self.eta_min) * turn for base, rate in pairs]
        ratio = self._height(t) / self._height(t - 1)
        return [ratio * (rate - self.eta_min) + self.eta_min for rate in self._current()]

    def closed_form(self) -> list[float]:
        height = self._height(self.last_epoch)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)
