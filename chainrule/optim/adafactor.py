"""Adafactor: the average square of a matrix kept as one column and one row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chainrule import dtypes
from chainrule.optim.hyperparameters import (
    NONNEGATIVE,
    Hyperparameters,
    in_type,
    is_number,
    out_of_range,
)
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.number import steering_value
from chainrule.tensor.tensor import Tensor


class Adafactor(Optimizer):
    """Adaptive learning rates with little memory.

        g ← ∂L/∂p,   β = 1 - t^τ
        r ← β r + (1 - β) mean of g² over the last axis
        c ← β c + (1 - β) mean of g² over the last axis but one
        v = r c / mean of r                       (a vector or a number: v ← β v + (1 - β) g²)
        u = g / √max(v, ε₁²)
        p ← (1 - η λ) p - α u / max(1, rms(u) / d),   α = max(ε₂, rms(p)) min(η, 1 / √t)

    with rms the root mean square. Of a matrix (n, m) it remembers n + m numbers.

    Args:
        lr: η ≥ 0, the largest step relative to the size of the parameter
        beta2_decay: τ ≤ 0, how fast the averages learn to remember
        eps: (ε₁, ε₂): the smallest √v, None for the precision of the type, and the size of
            a parameter below which steps shrink no more
        d: ≥ 1, the root mean square above which a step is cut
        weight_decay: λ ≥ 0, pulls parameters to 0
        foreach: accepted for programs written for PyTorch, where it chooses between
            implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Shazeer and Stern 2018, Algorithms 4 and 5, https://arxiv.org/abs/1804.04235

    Example:
        >>> import chainrule as cr
        >>> w = cr.full((3, 2), 2.0, requires_grad=True)
        >>> optimizer = Adafactor([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w[0].detach()                 # 2 - 0.1 · 2
        tensor([1.8000, 1.8000])
        >>> {key: tuple(x.shape) for key, x in optimizer.state[w].items()}
        {'step': (), 'row_var': (3, 1), 'col_var': (1, 2)}
    """

    ranges = {"lr": NONNEGATIVE, "d": (1.0, math.inf), "weight_decay": NONNEGATIVE}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
            "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        if not is_number(group["beta2_decay"], -math.inf, 0):
            raise out_of_range("Adafactor", "beta2_decay must be ≤ 0", group["beta2_decay"])
        first, second = group["eps"]
        if not ((first is None or is_number(first, 0, math.inf)) and second >= 0):
            raise out_of_range(
                "Adafactor", "eps must be two numbers ≥ 0, or None and one", group["eps"]
            )

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        if p.ndim < 2:
            return {"step": step_count(), "variance": p.zeros_like()}
        *others, rows, columns = p.shape
        return {
            "step": step_count(), "row_var": p.new_zeros([*others, rows, 1]),
            "col_var": p.new_zeros([*others, 1, columns]),
        }  # fmt: skip

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        kind, lr = params[0].dtype, numbers.number("lr")
        limit = 1 / step.sqrt()
        relative = limit.minimum(0 * limit + lr)
        new, eps1 = in_type(kind, step ** numbers.number("beta2_decay"), _eps1(kind, numbers))
        for p in params:
            g = self._gradient(p, numbers, decay=False)
            size = _rms(p).clamp(min=numbers.number("eps", 1))
            self._decay(p, numbers)
            v = self._variance(self.state[p], g, new, eps1)
            u = v.maximum(eps1 * eps1).rsqrt() * g
            over = (_rms(u) / numbers.number("d")).clamp(min=1)
            (rate,) = in_type(kind, relative * size / over)
            p.sub_(rate * u)

    def _variance(self, state: dict[str, Any], g: Tensor, new: Tensor, eps1: Tensor) -> Tensor:
        """v, the running average of g²"""
        square = g * g
        if g.ndim < 2:
            return state["variance"].lerp_(square, new)
        row = state["row_var"].lerp_(square.mean(-1, keepdim=True), new)
        column = state["col_var"].lerp_(square.mean(-2, keepdim=True), new)
        return row @ column / row.mean(-2, keepdim=True).maximum(eps1)


def _eps1(kind: dtypes.dtype, numbers: Hyperparameters) -> float | Tensor:
    group = numbers.group
    if steering_value(lambda: group["eps"][0] is None, "whether Adafactor is given ε₁"):
        return dtypes.finfo(kind).eps
    return numbers.number("eps", 0)


def _rms(x: Tensor) -> Tensor:
    """The root mean square, as float64."""
    return x.norm().double() / math.sqrt(max(1, x.numel()))
