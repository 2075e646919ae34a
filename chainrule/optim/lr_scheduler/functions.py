"""Schedules that are given as functions of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainrule.errors import ArgumentTypeError
from chainrule.optim.lr_scheduler.scheduler import LRScheduler, per_group
from chainrule.optim.optimizer import Optimizer

Factor = Callable[[int], float]


class FunctionsLR(LRScheduler):
    """A function λ of the epoch for all groups, or one for each.

    Raises: ArgumentTypeError (CR606) for what cannot be called.
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1
    ) -> None:
        self._attach(optimizer)
        owner = type(self).__name__
        self.lr_lambdas = per_group(owner, "lr_lambda", lr_lambda, optimizer)
        for factor in self.lr_lambdas:
            if not callable(factor):
                raise ArgumentTypeError(
                    "CR606",
                    f"{owner}: lr_lambda is a function of the epoch, got a "
                    f"{type(factor).__name__}",
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As LRScheduler.state_dict; functions are left out, objects give their attributes."""
        return {
            **super().state_dict(), "lr_lambdas": [attributes(f) for f in self.lr_lambdas],
        }  # fmt: skip

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._check_state(state_dict)
        vars(self).update({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for factor, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if kept is not None:
                vars(factor).update(kept)


class LambdaLR(FunctionsLR):
    """η_t = λ(t) η₀ with a function λ of the epoch, or one for each group.

    Example: a warm-up of four epochs
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = LambdaLR(optimizer, lambda epoch: min(1, (epoch + 1) / 4))
        >>> for epoch in range(5):
        ...     print(scheduler.get_last_lr()[0], end=" ")
        ...     optimizer.step()
        ...     scheduler.step()
        0.25 0.5 0.75 1.0 1.0
    """

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * factor(self.last_epoch) for base, factor in pairs]


class MultiplicativeLR(FunctionsLR):
    """η_t = λ(t) η_{t-1} with a function λ of the epoch, or one for each group.

    Example:
        >>> import chainrule as cr
        >>> w = cr.ones(2, requires_grad=True)
        >>> optimizer = cr.optim.SGD([w], lr=1.0)
        >>> scheduler = MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> for epoch in range(3):
        ...     print(scheduler.get_last_lr()[0], end=" ")
        ...     optimizer.step()
        ...     scheduler.step()
        1.0 0.5 0.25
    """

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._current()
        pairs = zip(self._current(), self.lr_lambdas, strict=True)
        return [rate * factor(self.last_epoch) for rate, factor in pairs]


def attributes(function: Any) -> dict[str, Any] | None:
    """What a callable object remembers; None for a function."""
    if not hasattr(function, "__dict__") or hasattr(function, "__code__"):
        return None
    return dict(vars(function))
