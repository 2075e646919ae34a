"""Adam: steps scaled by running averages of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import (
    FRACTION,
    NONNEGATIVE,
    Hyperparameters,
    in_type,
)
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class Adam(Optimizer):
    """Adaptive moment estimation.

        g ← ∂L/∂p + λ p
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        p ← p - η · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)

    Args:
        lr: learning rate η ≥ 0
        betas: (β₁, β₂), each ≥ 0 and < 1: how long the averages remember
        eps: ε ≥ 0, keeps the quotient finite
        weight_decay: λ ≥ 0, pulls parameters to 0
        amsgrad: divide by the largest v so far
        foreach, capturable, fused: accepted for programs written for PyTorch, where they
            choose between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False
        decoupled_weight_decay: decay as AdamW does

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Notes: with s = √(1 - β₂ᵗ) the last line is p - (η s / (1 - β₁ᵗ)) · m / (√v + ε s), whose
        factors are numbers: one pass over the parameter less.

    Source: Kingma and Ba 2015, Algorithm 1, https://arxiv.org/abs/1412.6980;
        amsgrad: Reddi et al. 2018, https://openreview.net/forum?id=ryQu7f-RZ

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = Adam([w], lr=0.1)
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
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        state = {
            "step": step_count(), "exp_avg": p.zeros_like(), "exp_avg_sq": p.zeros_like(),
        }  # fmt: skip
        return {**state, "max_exp_avg_sq": p.zeros_like()} if group["amsgrad"] else state

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        beta1, beta2 = numbers.number("betas", 0), numbers.number("betas", 1)
        lr = numbers.number("lr")
        s = (1 - beta2**step).sqrt()
        rate, eps, new1, beta2, new2 = in_type(
            params[0].dtype,
            -lr * s / (1 - beta1**step), numbers.number("eps") * s, 1 - beta1, beta2, 1 - beta2,
        )  # fmt: skip
        for p in params:
            g = self._gradient_after_decay(p, numbers)
            state = self.state[p]
            m, v = state["exp_avg"], state["exp_avg_sq"]
            m.lerp_(g, new1)
            v.mul_(beta2).addcmul_(g, g, value=new2)
            if numbers.on("amsgrad"):
                largest = state["max_exp_avg_sq"]
                v = largest.copy_(largest.maximum(v))
            p.addcdiv_(m, v.sqrt() + eps, value=rate)
