"""The rate falls along half a cosine, once or again and again."""

from __future__ import annotations

import math

from chainrule.optim.hyperparameters import refuse_while_tracing
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

    def _get_closed_form_lr(self) -> list[float]:
        height = self._height(self.last_epoch)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """From the first rate down to η_min in T epochs, then from the top again, more slowly.

        η = η_min + (η₀ - η_min) (1 + cos(π t / T)) / 2,   t epochs after the last restart

    Args:
        T_0: T until the first restart, in epochs
        T_mult: what T is multiplied by at every restart
        eta_min: the lowest rate

    Notes: `step` may be called after every batch with a fraction,
        `scheduler.step(epoch + i / batches)`.

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
        >>> for epoch in range(6):
        ...     print(f"{scheduler.get_last_lr()[0]:.3f}", end=" ")
        ...     optimizer.step()
        ...     scheduler.step()
        1.000 0.500 1.000 0.854 0.500 0.146
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        owner = "CosineAnnealingWarmRestarts"
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not (isinstance(value, int) and value >= 1):
                raise bad_argument(owner, f"{name} must be a whole number above 0", value)
        if not isinstance(eta_min, (int, float)):
            raise bad_argument(owner, "eta_min must be a number", eta_min)
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one epoch.

        Args: epoch: go there instead; may be a fraction.
        """
        refuse_while_tracing("CosineAnnealingWarmRestarts.step()")
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            self._jump(epoch)
        self.last_epoch = math.floor(epoch)
        self._set_lr(self.get_lr())

    def _jump(self, epoch: float) -> None:
        """Find the period that `epoch` is in, and what of it is done."""
        if epoch < 0:
            raise bad_argument(type(self).__name__, "an epoch must be at least 0", epoch)
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
            return
        growth = epoch / self.T_0 * (self.T_mult - 1) + 1
        restarts = int(math.log(growth, self.T_mult))
        self.T_i = self.T_0 * self.T_mult**restarts
        start = self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
        self.T_cur = epoch - start
