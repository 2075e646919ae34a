"""RMSprop: steps scaled by a running average of the squared gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class RMSprop(Optimizer):
    """Root mean square propagation.

        g ← ∂L/∂p + λ p
        v ← α v + (1 - α) g²
        d ← g / (√v + ε)           (centered: g / (√(v - m²) + ε), m ← α m + (1 - α) g)
        p ← p - η d                (with momentum: b ← μ b + d,  p ← p - η b)

    Args:
        lr: learning rate η ≥ 0
        alpha: α ≥ 0, how long the averages remember
        eps: ε ≥ 0, keeps the quotient finite
        weight_decay: λ ≥ 0, pulls parameters to 0
        momentum: μ ≥ 0, the share of the last move that goes on
        centered: divide by an estimate of the standard deviation
        capturable, foreach: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6e;
        centered: Graves 2013, equations 38 to 41, https://arxiv.org/abs/1308.0850

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0], requires_grad=True)
        >>> optimizer = RMSprop([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()                    # 4 - 0.1 · 8 / √(0.01 · 8²)
        tensor([3.])
    """

    ranges = {
        "lr": NONNEGATIVE, "alpha": NONNEGATIVE, "eps": NONNEGATIVE,
        "weight_decay": NONNEGATIVE, "momentum": NONNEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        state = {"step": step_count(), "square_avg": p.zeros_like()}
        if group["momentum"] > 0:
            state["momentum_buffer"] = p.zeros_like()
        if group["centered"]:
            state["grad_avg"] = p.zeros_like()
        return state

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        alpha = numbers.number("alpha")
        rate, alpha, new, eps, momentum = in_type(
            params[0].dtype, -numbers.number("lr"), alpha, 1 - alpha, numbers.number("eps"),
            numbers.number("momentum"),
        )  # fmt: skip
        for p in params:
            g = self._gradient(p, numbers)
            state = self.state[p]
            v = state["square_avg"].mul_(alpha).addcmul_(g, g, value=new)
            if numbers.on("centered"):
                m = state["grad_avg"].lerp_(g, new)
                v = v - m * m
            if numbers.on("momentum"):
                buffer = state["momentum_buffer"].mul_(momentum).add_(g / (v.sqrt() + eps))
                p.add_(rate * buffer)
            else:
                p.addcdiv_(g, v.sqrt() + eps, value=rate)
