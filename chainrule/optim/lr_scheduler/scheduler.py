"""The base of the schedules: what a learning rate is at each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.optim.hyperparameters import refuse_while_tracing
from chainrule.optim.optimizer import Optimizer
from chainrule.tensor.number import changing_number, steering_value
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import current


class LRScheduler:
    """Sets the learning rate of every group of an optimizer, epoch by epoch.

    A schedule says in `get_lr` what the rates are at `last_epoch`. Most change the rate that
    is there now, so that two schedules on one optimizer multiply; `_get_closed_form_lr`
    computes it from the first rate alone.

    Args:
        optimizer: whose groups' "lr" is set; "initial_lr" keeps what it was at first
        last_epoch: -1 at the start; the last epoch done when a training is taken up again,
            with the rates that the optimizer has then
    """

    optimizer: Optimizer
    _last_lr: list[float]
    _is_initial = False  # whether the step now is the one that the constructor makes
    _get_lr_called_within_step = False  # older programs warn in get_lr where it is not

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _plain(group["lr"]))
            elif "initial_lr" not in group:
                raise ArgumentError(
                    "CR607",
                    f"{type(self).__name__} goes on after epoch {last_epoch}, but group {i} of "
                    "the optimizer has no 'initial_lr'; load the optimizer's state dict first",
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    @property
    def last_epoch(self) -> int:
        """The last epoch done; a compiled function that reads it is traced anew for another."""
        return cast(int, steering_value(lambda: vars(self)["last_epoch"], "last_epoch"))

    @last_epoch.setter
    def last_epoch(self, epoch: int) -> None:
        vars(self)["last_epoch"] = epoch

    def _attach(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentTypeError(
                "CR606",
                f"{type(self).__name__} schedules an optimizer, got a "
                f"{type(optimizer).__name__}",
            )
        self.optimizer = optimizer

    def _begin(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    @property
    def _taken_up(self) -> bool:
        """Whether this is the first step of a training that is taken up again."""
        return self._step_count == 1 and self.last_epoch > 0

    def get_lr(self) -> list[float]:
        """The rates at `last_epoch`, from those that are set now."""
        raise NotImplementedError

    def _get_closed_form_lr(self) -> list[float]:
        """The rates at `last_epoch`, from the first ones."""
        return self.get_lr()

    def get_last_lr(self) -> list[Any]:
        """The rates set last, one for each group; a compiled function follows them."""
        if current.get() is None:
            return self._last_lr
        groups = range(len(self._last_lr))
        return [changing_number(partial(self._last_lr_of, i)) for i in groups]

    def _last_lr_of(self, group: int) -> float:
        return self._last_lr[group]

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch (or one batch, for schedules that count those).

        Args: epoch: jump there instead.
        """
        refuse_while_tracing(f"{type(self).__name__}.step()")
        self._step_count += 1
        self._move(epoch)

    def _move(self, epoch: int | None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr() if epoch is None else self._get_closed_form_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set_lr(rates)

    def _current(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _set_lr(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_lr(group, rate)
        self._last_lr = self._current()

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, but the optimizer."""
        return {key: value for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the schedule that gave `state_dict` was.

        Raises: ArgumentError (CR605) for the state of a schedule of another kind.
        """
        self._check_state(state_dict)
        vars(self).update(state_dict)

    def _check_state(self, state_dict: Mapping[str, Any]) -> None:
        owner = type(self).__name__
        known = state_dict if isinstance(state_dict, Mapping) else {}
        lacking = [key for key in self.state_dict() if key[0] != "_" and key not in known]
        if lacking:
            raise ArgumentError(
                "CR605",
                f"this state dict does not fit the {owner}: it has no {', '.join(lacking)}. It "
                "must come from the same kind of schedule",
            )


def set_lr(group: dict[str, Any], rate: float) -> None:
    """Set the rate of a group; one kept in a tensor stays in that tensor."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def turns_beta1(owner: str, optimizer: Optimizer) -> bool:
    """Whether the momentum that a schedule turns is β₁ rather than "momentum".

    Raises: ArgumentError (CR606) for an optimizer that has neither.
    """
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise bad_argument(
            owner,
            "cycle_momentum=True needs an optimizer with momentum or betas",
            type(optimizer).__name__,
        )
    return "betas" in optimizer.defaults


def set_momentum(group: dict[str, Any], momentum: float, is_beta1: bool) -> None:
    """Set the momentum of a group, or β₁."""
    if is_beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def per_group(owner: str, name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """A value given once for all groups, or one for each.

    Raises: ArgumentError (CR606) where the number of values differs from that of the groups.
    """
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ArgumentError(
            "CR606",
            f"{owner}: {name} has {len(value)} entries for {count} parameter groups; give one "
            "for each, or a single one for all",
        )
    return list(value)


def bad_argument(owner: str, wanted: str, given: Any) -> ArgumentError:
    """The error for an argument that a schedule cannot follow."""
    return ArgumentError("CR606", f"{owner}: {wanted}, got {given!r}")


def _plain(rate: float | Tensor) -> float | Tensor:
    return rate.detach().clone() if isinstance(rate, Tensor) else rate


_LRScheduler = LRScheduler  # the name in older programs
