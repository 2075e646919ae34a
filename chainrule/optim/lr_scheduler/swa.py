"""The rate goes to a constant one, at which weights are averaged."""

from __future__ import annotations

import math

from chainrule.optim.lr_scheduler.scheduler import LRScheduler, bad_argument, per_group
from chainrule.optim.optimizer import Optimizer


class SWALR(LRScheduler):
    """From the rate that is there to `swa_lr` in some epochs; there it stays.

        η = α η_swa + (1 - α) η₀,   α = t / T or (1 - cos(π t / T)) / 2

    Args:
        swa_lr: η_swa, one for all groups or one for each
        anneal_epochs: T ≥ 0
        anneal_strategy: "cos" or "linear"

    Raises: ArgumentError (CR606) for arguments that do not fit together.

    Source: Izmailov et al. 2018, https://arxiv.org/abs/1803.05407

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
        >>> for epoch in range(4):
        ...     print(scheduler.get_last_lr()[0], end=" ")
        ...     optimizer.step()
        ...     scheduler.step()
        1.0 0.75 0.5 0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        if anneal_strategy not in ("cos", "linear"):
            raise bad_argument("SWALR", "anneal_strategy is 'cos' or 'linear'", anneal_strategy)
        if not (isinstance(anneal_epochs, int) and anneal_epochs >= 0):
            raise bad_argument(
                "SWALR", "anneal_epochs must be a whole number ≥ 0", anneal_epochs
            )
        rates = per_group("SWALR", "swa_lr", swa_lr, optimizer)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = max(self._step_count - 1, 0 if self.anneal_epochs else 1)
        before, now = self._share(step - 1), self._share(step)
        found = []
        for rate, group in zip(self._current(), self.optimizer.param_groups, strict=True):
            last = group["swa_lr"]
            first = last if before == 1 else (rate - before * last) / (1 - before)
            found.append(last * now + first * (1 - now))
        return found

    def _share(self, step: int) -> float:
        """α"""
        done = max(0, min(1, step / max(1, self.anneal_epochs)))
        return done if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * done)) / 2
