"""The lowest loss that any outputs can have, whatever model makes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.optim.adam import Adam
from chainrule.tensor.tensor import Tensor

STEPS, RATE = 60, 0.5
MOST = 200_000  # output elements for which looking is cheap


def attainable_loss(
    loss_function: Callable[[Any, Any], Tensor] | None, outputs: Any, targets: Any, loss: float
) -> float:
    """An upper bound of the lowest loss for these targets; 0 where nothing can be said.

    The outputs are moved by themselves down the gradient of the loss, from where the model
    has them; and the targets are tried as outputs. The result is 0 for a loss that goes
    there, the entropy of the targets for a cross-entropy with soft ones.

    Example:
        >>> import chainrule as cr
        >>> soft = cr.full((4, 1), 0.5)
        >>> loss = cr.nn.BCEWithLogitsLoss()
        >>> round(attainable_loss(loss, cr.randn(4, 1), soft, 1.0), 2)
        0.69
    """
    if loss_function is None or not _is_plain(outputs) or _broadcast(outputs, targets):
        return 0.0
    found = [
        _as_outputs(loss_function, outputs, targets),
        _moved(loss_function, outputs, targets, outputs),
    ]
    floor = min([value for value in found if math.isfinite(value)], default=0.0)
    return floor if floor < loss and floor > 1e-3 * abs(loss) else min(floor, 0.0)


def constant_loss(
    loss_function: Callable[[Any, Any], Tensor] | None, outputs: Any, targets: Any
) -> float:
    """About the lowest loss of outputs that are the same for all samples; else infinity.

    Example:
        >>> import chainrule as cr
        >>> loss, y = cr.nn.CrossEntropyLoss(), cr.arange(30) % 3
        >>> round(constant_loss(loss, 50 * cr.randn(30, 3), y), 1)  # ln 3
        1.1
    """
    if loss_function is None or not _is_plain(outputs) or not _vary(outputs, targets):
        return math.inf
    found = [_moved(loss_function, outputs, targets, outputs.mean(0, keepdim=True))]
    if isinstance(targets, Tensor) and targets.is_floating_point():
        mean = targets.mean(0, keepdim=True).expand(*targets.shape)
        found.append(_as_outputs(loss_function, outputs, targets, mean))
        return min([value for value in found if math.isfinite(value)], default=math.inf)
    return found[0] if math.isfinite(found[0]) else math.inf


def _is_plain(outputs: Any) -> bool:
    if not isinstance(outputs, Tensor):
        return False
    return outputs.is_floating_point() and outputs.numel() <= MOST


def _broadcast(outputs: Tensor, targets: Any) -> bool:
    """Whether the targets have the elements of the outputs in another shape, (n,) for (n, 1):
    a loss that broadcasts them compares each with all, and its floor means nothing."""
    if not isinstance(targets, Tensor) or targets.shape == outputs.shape:
        return False
    return targets.is_floating_point() and targets.numel() == outputs.numel()


def _vary(outputs: Tensor, targets: Any) -> bool:
    """Whether the samples have different targets, as far as that can be seen."""
    if outputs.ndim == 0 or not isinstance(targets, Tensor) or targets.ndim == 0:
        return False
    return bool((targets != targets[:1]).any())


def _as_outputs(
    loss_function: Any, outputs: Tensor, targets: Any, tried: Tensor | None = None
) -> float:
    """The loss of outputs that are the targets, or their mean; NaN where it takes none."""
    if not isinstance(targets, Tensor) or targets.shape != outputs.shape:
        return math.nan
    tried = targets if tried is None else tried
    try:
        return float(loss_function(tried.to(outputs.dtype), targets).item())
    except Exception:  # the loss is asked for what it may not take
        return math.nan


def _moved(loss_function: Any, outputs: Tensor, targets: Any, start: Tensor) -> float:
    """The lowest loss on the way down from `start`, an output for each sample or for all."""
    free = start.detach().clone().requires_grad_()
    optimizer = Adam([free], lr=RATE * max(1.0, _size(targets), _size(start)))
    best = math.inf
    try:
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = loss_function(free.expand(*outputs.shape), targets)
            loss.backward()
            value = float(loss.item())
            if not math.isfinite(value):
                return best
            best = min(best, value)
            optimizer.step()
    except Exception:  # outside what the loss takes, such as probabilities
        return best
    return best


def _size(values: Any) -> float:
    """How far outputs have to move in a step, to pass through numbers as large as these."""
    if not isinstance(values, Tensor) or not values.is_floating_point():
        return 1.0
    size = float(np.abs(values.detach().float().numpy()).max(initial=0.0))
    return size / (RATE * STEPS) if math.isfinite(size) else 1.0
