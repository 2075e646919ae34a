"""What a run on one batch shows, and what to look at when it does not learn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor

MOST = 4  # names that a line gives
SHOT_UP = 5.0  # times the first loss
LARGE = 20.0  # inputs that are not scaled
SPREAD = 0.2  # of an activation's range, that outputs use
FLAT = 0.01  # share of the loss below which a change is none
FALLING = 0.03  # share by which a loss still falls over the last tenth of the steps


class Seen:
    """The latest inputs, outputs and targets of a run, and the range of all outputs."""

    def __init__(self) -> None:
        self.inputs: Any = None
        self.outputs: Any = None
        self.targets: Any = None
        self.low, self.high = math.inf, -math.inf

    def take(self, inputs: Any, targets: Any, outputs: Any) -> None:
        """Note what a step saw."""
        self.inputs, self.targets, self.outputs = inputs, targets, outputs
        if isinstance(outputs, Tensor) and outputs.is_floating_point() and outputs.numel():
            y = _array(outputs)
            self.low = min(self.low, float(y.min()))
            self.high = max(self.high, float(y.max()))


def observe(model: Module, optimizer: Any, before: Mapping[str, Tensor]) -> dict[str, Any]:
    """After the first step: which parameters moved, and which the optimizer has."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    named = dict(model.named_parameters())
    learned = [name for name, p in named.items() if p.requires_grad]
    moved = {
        name for name in learned
        if not np.array_equal(_array(named[name]), _array(before[name]), equal_nan=True)
    }  # fmt: skip
    return {
        "absent": [name for name in learned if id(named[name]) not in held],
        "still": [n for n in learned if n not in moved and id(named[n]) in held],
        "frozen": [name for name, p in named.items() if not p.requires_grad],
        "learned": learned,
        "constant": [
            name for name in learned
            if before[name].ndim > 1 and np.ptp(_array(before[name])) == 0
        ],
    }  # fmt: skip


def advice(
    watched: Mapping[str, Any],
    losses: list[float],
    floor: float,
    seen: Seen,
    optimizer: Any,
) -> Iterator[str]:
    """What to look at, the likeliest cause first."""
    yield from _about_inputs(seen.inputs)
    yield from _about_outputs(seen)
    yield from _about_numbers(losses, optimizer)
    yield from _about_parameters(watched)
    yield from _about_collapse(seen.outputs)
    yield from _about_progress(losses, floor, optimizer)


def _about_inputs(inputs: Any) -> Iterator[str]:
    if isinstance(inputs, Tensor) and inputs.is_floating_point() and inputs.numel():
        largest = float(np.abs(_array(inputs)).max())
        if largest > LARGE:
            yield (
                f"the inputs go up to {largest:.4g}; standardise them, as check_data shows "
                "(healthy: below 20)"
            )


def _about_numbers(losses: list[float], optimizer: Any) -> Iterator[str]:
    if not math.isfinite(losses[0]):
        yield "the loss is not finite before the first step: check_data looks for NaN in it"
    elif not all(map(math.isfinite, losses)):
        yield (
            f"the loss stopped being finite: a learning rate of {_rates(optimizer)} is too "
            "high, or gradients explode; lr_find and gradient_flow tell which"
        )
    elif max(losses) > SHOT_UP * max(abs(losses[0]), 1e-12):
        yield (
            f"the loss shot up from {losses[0]:.3g} to {max(losses):.3g}: a learning rate of "
            f"{_rates(optimizer)} is too high; lr_find suggests one"
        )
    if min(losses, default=0) < 0:
        yield "the loss is negative: is its sign right, and are the labels 0 and 1, not ±1?"


def _about_parameters(watched: Mapping[str, Any]) -> Iterator[str]:
    if watched.get("absent"):
        yield f"the optimizer does not hold {_names(watched['absent'])}; give it all of them"
    if watched.get("constant"):
        yield (
            f"all numbers of {_names(watched['constant'])} are equal at the start, so that the "
            "units of the layer learn the same; start them at random"
        )
    if watched.get("still"):
        yield (
            f"the first step did not move {_names(watched['still'])}: the gradient is zero or "
            "missing there (dead units, a detached part); see gradient_flow"
        )
    if watched.get("frozen"):
        yield f"{_names(watched['frozen'])} are frozen; unfreeze them if that is not meant"


def _about_outputs(seen: Seen) -> Iterator[str]:
    outputs, targets = seen.outputs, seen.targets
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
        return
    y = _array(outputs)
    if y.ndim == 2 and y.shape[1] > 1 and _are_probabilities(y) and _are_classes(targets):
        yield (
            "the outputs are probabilities that add up to 1; a cross-entropy that takes logits "
            "applies the softmax itself. Take the Softmax layer away, or use NLLLoss on logs"
        )
    if y.ndim > 1 and y.shape[-1] == 1 and (y == 1).all():
        yield (
            "all outputs are exactly 1: a softmax over one unit is 1 whatever it gets; use "
            "Sigmoid, or two units"
        )
    if isinstance(targets, Tensor) and targets.is_floating_point():
        yield from _about_range(y, seen)


def _about_collapse(outputs: Any) -> Iterator[str]:
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point() or not outputs.ndim:
        return
    y = _array(outputs)
    if len(y) > 1 and np.ptp(y, axis=0).max(initial=0) < 1e-6 * max(1.0, np.abs(y).max()):
        yield "the outputs are the same for all samples: the inputs do not get through"


def _about_range(y: np.ndarray, seen: Seen) -> Iterator[str]:
    """Targets that the last activation does not reach."""
    t = _array(seen.targets)
    if y.shape != t.shape:
        yield f"outputs have shape {y.shape}, targets {t.shape}; they should be the same"
    for low, high, name in ((0, 1, "a sigmoid or softmax"), (-1, 1, "a tanh")):
        inside = low <= seen.low and seen.high <= high
        spread = seen.high - seen.low > SPREAD * (high - low)
        if inside and spread and y.size > 8 and (t.min() < low or t.max() > high):
            yield (
                f"the outputs stay within [{low}, {high}], as if after {name}, the targets go "
                f"from {t.min():.4g} to {t.max():.4g}; make the last layer linear"
            )
            return
    if t.std() > 20 or (t.mean() ** 2 > 9 * t.var() and abs(t.mean()) > 1):
        yield (
            f"the targets have mean {t.mean():.4g} and standard deviation {t.std():.4g}; "
            "standardise them with those numbers"
        )


def _about_progress(losses: list[float], floor: float, optimizer: Any) -> Iterator[str]:
    finite = [loss for loss in losses if math.isfinite(loss)]
    decay = max((group.get("weight_decay") or 0) for group in optimizer.param_groups)
    if decay > 0.01:
        yield f"weight_decay={decay:g} pulls the weights to zero; try without it"
    if len(finite) < 5 or min(finite) < 0 or max(losses) > SHOT_UP * max(abs(losses[0]), 1e-12):
        return
    end = finite[-max(2, len(finite) // 10) :]
    fallen = finite[0] - min(finite)
    if max(end) - min(end) > 0.2 * max(fallen, FLAT * abs(finite[0])) and end[-1] > min(end):
        yield f"the loss jumps up and down: lower the learning rate of {_rates(optimizer)}"
    elif fallen < FLAT * max(abs(finite[0] - floor), 1e-12):
        yield (
            f"the loss hardly moved: a learning rate of {_rates(optimizer)} may be far too low "
            "(lr_find), or no gradient arrives (gradient_flow)"
        )
    elif end[0] - end[-1] > FALLING * max(end[0] - floor, 1e-12):
        yield (
            "the loss was still falling at the end: give more steps, or a higher learning rate "
            f"than {_rates(optimizer)}; lr_find suggests one"
        )
    elif decay <= 0.01:
        yield (
            "the loss came to rest too high: is the model too small for this batch, or are two "
            "samples alike but for their targets?"
        )


def _rates(optimizer: Any) -> str:
    return " and ".join(sorted({f"{float(g['lr']):.3g}" for g in optimizer.param_groups}))


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _array(x: Tensor) -> np.ndarray:
    return x.detach().float().numpy() if x.is_floating_point() else x.detach().numpy()


def _are_probabilities(y: np.ndarray) -> bool:
    return bool(y.min() >= 0 and np.allclose(y.sum(1), 1, atol=1e-3))


def _are_classes(targets: Any) -> bool:
    return isinstance(targets, Tensor) and not targets.is_floating_point()
