"""The average of a network's weights over the training: stochastic weight averaging and EMA."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from chainrule.compiler.situation import watch as watch_function
from chainrule.device import device as Device
from chainrule.errors import ArgumentError
from chainrule.nn.batch_norm import BatchNorm
from chainrule.nn.module import Module
from chainrule.nn.watch import watch
from chainrule.tensor import trace
from chainrule.tensor.creation import tensor
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

Count = Tensor | int
Average = Callable[[Tensor, Tensor, Count], Tensor]
Averages = Callable[[list[Tensor], list[Tensor], Count], None]


class AveragedModel(Module):
    """A copy of a module whose parameters are the running average of the module's.

        w̄ ← w                            at the first call of update_parameters
        w̄ ← w̄ + (w - w̄) / (n + 1)        at the call after n others, or as avg_fn says

    Args:
        model: the module that is trained; a deep copy becomes `.module`
        device: where the copy lives
        avg_fn: (w̄, w, n) → the new w̄, for one parameter
        multi_avg_fn: (list of w̄, list of w, n) → None, writes the new w̄ into the first list
        use_buffers: average buffers too; otherwise they are copied at every call

    Raises: ArgumentError (CR616) where both functions are given.

    Notes: with batch normalization call update_bn at the end, or use_buffers=True.

    Source: Izmailov et al. 2018, https://arxiv.org/abs/1803.05407; Polyak and Juditsky 1992

    Example:
        >>> import chainrule as cr
        >>> model = cr.nn.Linear(1, 1, bias=False)
        >>> average = AveragedModel(model)
        >>> for weight in (1.0, 2.0, 6.0):
        ...     _ = model.weight.data.fill_(weight)
        ...     average.update_parameters(model)
        >>> average(cr.ones(1)).item(), average.n_averaged.item()
        (3.0, 3)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: str | int | Device | None = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ArgumentError(
                "CR616", "AveragedModel takes avg_fn or multi_avg_fn, got both of them"
            )
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged module computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters that `model` has now into the average."""
        self._guard(model)
        with no_grad():
            pairs = [
                (mean.detach(), now.detach())
                for mean, now in zip(self._averaged(self.module), self._averaged(model))
            ]
            first = self.n_averaged == 0
            unknown = trace.current.get() is not None
            if unknown or not first.item():
                self._average(pairs)
            if unknown or first.item():
                for mean, now in pairs:
                    mean.copy_(now.where(first, mean))
            if not self.use_buffers:
                for mean, now in zip(self.module.buffers(), model.buffers(), strict=True):
                    mean.copy_(now.detach())
            self.n_averaged.add_(1)

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        if self.use_buffers:
            return chain(model.parameters(), model.buffers())
        return model.parameters()

    def _average(self, pairs: list[tuple[Tensor, Tensor]]) -> None:
        """One more step of the running average, after the first."""
        if self.multi_avg_fn is None:
            average = self.avg_fn or get_swa_avg_fn()
            for mean, now in pairs:
                mean.copy_(average(mean, now, self.n_averaged))
            return
        alike: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
        for mean, now in pairs:
            means, values = alike.setdefault(mean.dtype, ([], []))
            means.append(mean)
            values.append(now)
        for means, values in alike.values():
            self.multi_avg_fn(means, values, self.n_averaged)

    def _guard(self, model: Module) -> None:
        """In a compiled function: what this depends on besides numbers."""
        if (writing := trace.current.get()) is not None:
            for module in (*self.modules(), *model.modules()):
                watch(module, writing)
            watch_function((self.avg_fn, self.multi_avg_fn), writing)


# -- the averages ----------------------------------------------------------------------


def get_swa_avg_fn() -> Average:
    """The plain average, w̄ + (w - w̄) / (n + 1), of one parameter."""

    def average(averaged_param: Tensor, current_param: Tensor, num_averaged: Count) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average, β w̄ + (1 - β) w, of one parameter.

    Raises: ArgumentError (CR616) for a decay β outside [0, 1].
    """
    _check_decay(decay)

    def average(ema_param: Tensor, current_param: Tensor, num_averaged: Count) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return average


def get_swa_multi_avg_fn() -> Averages:
    """The plain average of a list of parameters, written into the first list."""

    def average(
        averaged_param_list: list[Tensor], current_param_list: list[Tensor], num_averaged: Count
    ) -> None:
        share = 1 / (num_averaged + 1)
        with no_grad():
            for mean, now in zip(averaged_param_list, current_param_list, strict=True):
                mean.copy_(_between(mean, now, share))

    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """The exponential moving average of a list of parameters, written into the first list.

    Raises: ArgumentError (CR616) for a decay β outside [0, 1].
    """
    _check_decay(decay)

    def average(
        ema_param_list: list[Tensor], current_param_list: list[Tensor], num_averaged: Count
    ) -> None:
        with no_grad():
            for mean, now in zip(ema_param_list, current_param_list, strict=True):
                mean.copy_(_between(mean, now, 1 - decay))

    return average


def _between(mean: Tensor, now: Tensor, share: float | Tensor) -> Tensor:
    """w̄ + share · (w - w̄)"""
    if mean.is_floating_point():
        return mean.lerp(now, share)
    return mean + (now - mean) * share


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ArgumentError("CR616", f"decay must be a number from 0 to 1, got {decay!r}")


# -- batch normalization ---------------------------------------------------------------


def update_bn(
    loader: Iterable[Any], model: Module, device: str | int | Device | None = None
) -> None:
    """Set the running statistics of batch normalization anew, from one pass over the data.

    Averaged weights have never seen data; the statistics of the copy belong to other weights.

    Args:
        loader: batches, each a tensor, or a tuple or list that begins with one
        model: what is called with each batch, in training mode
        device: where the batches are moved to

    Example:
        >>> import chainrule as cr
        >>> model = cr.nn.BatchNorm1d(1)
        >>> update_bn([cr.tensor([[1.0], [3.0]]), cr.tensor([[5.0], [7.0]])], model)
        >>> model.running_mean, model.running_var
        (tensor([4.]), tensor([2.]))
    """
    norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average
    try:
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.train(training)
