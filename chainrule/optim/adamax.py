"""Adamax: Adam with the largest gradient of late in place of the average square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import FRACTION, NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class Adamax(Optimizer):
    """Adam with the infinity norm.

        g ← ∂L/∂p + λ p
        m ← β₁ m + (1 - β₁) g
        u ← max(β₂ u, |g| + ε)
        p ← p - η / (1 - β₁ᵗ) · m / u

    Args:
        lr: learning rate η ≥ 0
        betas: (β₁, β₂), each ≥ 0 and < 1: how long the average and the maximum remember
        eps: ε ≥ 0, keeps the quotient finite
        weight_decay: λ ≥ 0, pulls parameters to 0
        foreach, capturable: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Kingma and Ba 2015, Algorithm 2, https://arxiv.org/abs/1412.6980

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = Adamax([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()                    # a first step of lr, whatever the gradient's size
        tensor([ 3.9000, -2.9000])
    """

    ranges = {
        "lr": NONNEGATIVE, "betas": FRACTION, "eps": NONNEGATIVE, "weight_decay": NONNEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {"step": step_count(), "exp_avg": p.zeros_like(), "exp_inf": p.zeros_like()}

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        beta1 = numbers.number("betas", 0)
        rate, eps, new, beta2 = in_type(
            params[0].dtype, -numbers.number("lr") / (1 - beta1**step), numbers.number("eps"),
            1 - beta1, numbers.number("betas", 1),
        )  # fmt: skip
        for p in params:
            g = self._gradient(p, numbers)
            state = self.state[p]
            m = state["exp_avg"].lerp_(g, new)
            u = state["exp_inf"]
            u.copy_((u * beta2).maximum(g.abs() + eps))
            p.addcdiv_(m, u, value=rate)
