"""What a step of an optimizer is made of: gradients, weights, and how far these went."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.doctor import measures
from chainrule.doctor.facts import LayerFacts, Look
from chainrule.doctor.wiring import moved_by
from chainrule.nn.module import Module
from chainrule.nn.parameter import is_lazy
from chainrule.tensor.tensor import Tensor

MOST_TURNS = 8  # of optimizers, after which none is waited for any more
NORMALIZATIONS = ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")


class Moves:
    """Measures the parameters of a model around the steps of its optimizers.

    Args:
        look: where the facts go.
        near: measure all that there is; otherwise only what costs little.

    Notes: of several optimizers that take turns one step of each is measured.
    """

    def __init__(
        self, model: Module, optimizers: Sequence[Any], look: Look, *, near: bool = True
    ) -> None:
        self.look = look
        self._near = near
        self._names = {id(p): name for name, p in model.named_parameters()}
        self._modules = [(path, m) for path, m in model.named_modules() if m._parameters]
        self._waiting = {id(optimizer) for optimizer in optimizers}  # for their step
        self._turns = 0
        self._measured: Any = None  # the optimizer whose gradients were measured last
        self._before: dict[int, tuple[Tensor, Any]] = {}  # weights before it
        self._gradients: dict[int, float] = {}  # squared norms, by parameter
        self._weights: dict[int, float] = {}  # those of the weights
        self._ratios: dict[int, float] = {}
        self._moved: dict[int, bool] = {}

    def waits_for(self, optimizer: Any) -> bool:
        """Whether this optimizer's step was not seen yet."""
        return id(optimizer) in self._waiting

    @property
    def is_over(self) -> bool:
        """Whether every optimizer had its turn, or one keeps the others waiting for long."""
        return not self._waiting or self._turns >= MOST_TURNS

    def step_begins(self, optimizer: Any, *, has_gradients: bool = True) -> None:
        """Remember the weights, and measure the gradients if they are there; else it is done
        at the end of the step, which makes them."""
        if self.waits_for(optimizer):
            self.remember(optimizer)
            if has_gradients:
                self._see_gradients(optimizer)

    def step_ends(self, optimizer: Any) -> None:
        """Measure how far the weights went."""
        self._turns += 1
        if self.waits_for(optimizer):
            if self._measured is not optimizer:
                self._see_gradients(optimizer)
                if self.look.gradient_norm == 0:  # the step has cleared them
                    self._forget_gradients()
            self._see_weights(optimizer)

    def _forget_gradients(self) -> None:
        self.look.gradient_norm = None
        for layer in self.look.layers.values():
            layer.gradient_norm = layer.decay_ratio = None

    def remember(self, optimizer: Any) -> None:
        """Keep the weights as they are; no operation writes into an array somebody holds."""
        for p in moved_by(optimizer):
            if not is_lazy(p):
                self._before[id(p)] = p, p._cell.array

    @np.errstate(all="ignore")
    def _see_gradients(self, optimizer: Any) -> None:
        """Measure gradients, and the weights as they are remembered."""
        self._measured = optimizer
        group = optimizer.param_groups[0]
        if self.look.learning_rate is None:
            self.look.learning_rate = _rate(optimizer)
        self.look.weight_decay = float(group.get("weight_decay") or 0.0)
        own = {id(p) for p in moved_by(optimizer)} & self._before.keys()
        for path, module in self._modules:
            mine = [p for p in module._parameters.values() if p is not None and id(p) in own]
            if mine:
                self._see_layer(path, module, mine)
        if self._gradients:
            self.look.gradient_norm = math.sqrt(sum(self._gradients.values()))

    def _see_layer(self, path: str, module: Module, parameters: Sequence[Tensor]) -> None:
        layer = self.look.layers.setdefault(path, LayerFacts(type(module).__name__))
        gradients, weights = 0.0, []
        for p in parameters:
            gradients += self._see_parameter(p, self._names.get(id(p), path))
            if p.ndim > 1 and not is_normalization(module):
                weights.append(p)
        if weights:
            layer.weight_norm = math.sqrt(sum(self._weights[id(p)] for p in weights))
            if self._near:
                arrays = [measures.readable(self._before[id(p)][1]) for p in weights]
                layer.weight_std = float(min(array.std() for array in arrays))
                layer.alike_units = all(map(measures.alike_units, arrays))
        if any(p.grad is not None for p in parameters):
            layer.gradient_norm = math.sqrt(gradients)
            if self.look.weight_decay and layer.weight_norm and layer.gradient_norm:
                decay = self.look.weight_decay * layer.weight_norm
                layer.decay_ratio = decay / layer.gradient_norm

    def _see_parameter(self, p: Tensor, name: str) -> float:
        """The squared norm of its gradient; what is not finite is noted."""
        array = measures.readable(self._before[id(p)][1])
        self._weights[id(p)] = length = measures.squares(array)
        if not math.isfinite(length):
            self.look.nonfinite_weights.append(name)
        if p.grad is None:
            return 0.0
        self._gradients[id(p)] = found = measures.squares(measures.numbers(p.grad))
        if not math.isfinite(found):
            self.look.nonfinite_gradients.append(name)
        return found

    @np.errstate(all="ignore")
    def _see_weights(self, optimizer: Any) -> None:
        self._waiting.discard(id(optimizer))
        for p in moved_by(optimizer):
            if not p.requires_grad or id(p) not in self._before:
                continue
            array = self._before[id(p)][1]
            still = p._cell.array is array
            old, new = measures.readable(array), measures.numbers(p)
            ratio = 0.0
            if p.ndim > 1:
                squares = self._weights.get(id(p))
                ratio = self._ratios[id(p)] = measures.relative_step(old, new, squares)
                layer = self.look.layers.get(self._names.get(id(p), "").rpartition(".")[0])
                if layer is not None:
                    layer.update_ratio = max(ratio, layer.update_ratio or 0.0)
            self._moved[id(p)] = not still and (ratio != 0 or not np.array_equal(new, old))
        if self._moved:
            self.look.moved = sum(self._moved.values()) / len(self._moved)
        own = [self._ratios[id(p)] for p in moved_by(optimizer) if id(p) in self._ratios]
        is_lost = any(map(math.isnan, own))
        ratio = math.nan if is_lost else statistics.median(own or [0.0])
        known = self.look.update_ratio
        if own and (known is None or not ratio <= known):  # of the optimizer that goes farthest
            self.look.update_ratio, self.look.learning_rate = ratio, _rate(optimizer)


def _rate(optimizer: Any) -> float | None:
    """The learning rate of an optimizer, where it has one."""
    group = optimizer.param_groups[0]
    return float(group["lr"]) if "lr" in group else None


def is_normalization(module: Module) -> bool:
    """Whether a module brings what passes through it to a usual size."""
    return any(kind in type(module).__name__ for kind in NORMALIZATIONS)
