"""Adadelta: steps as long as the running average of the steps before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from chainrule.tensor.tensor import Tensor


class Adadelta(Optimizer):
    """Adaptive learning rate whose steps have the unit of the parameter.

        g ← ∂L/∂p + λ p
        v ← ρ v + (1 - ρ) g²
        d ← g √(u + ε) / √(v + ε)
        u ← ρ u + (1 - ρ) d²
        p ← p - η d

    Args:
        lr: η ≥ 0, a factor on the step that the rule finds
        rho: ρ from 0 to 1, how long the averages remember
        eps: ε ≥ 0, keeps the quotient finite, and lets the first step begin
        weight_decay: λ ≥ 0, pulls parameters to 0
        foreach, capturable: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Zeiler 2012, Algorithm 1, https://arxiv.org/abs/1212.5701

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = Adadelta([w], lr=1.0, rho=0.0, eps=1e-2)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()                    # the first step is √ε, whatever the gradient's size
        tensor([ 3.9000, -2.9000])
    """

    ranges = {"lr": NONNEGATIVE, "eps": NONNEGATIVE, "weight_decay": NONNEGATIVE}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize, "capturable": capturable, "foreach": foreach,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        if not is_number(group["rho"], 0, 1):
            raise out_of_range("Adadelta", "rho must be a number from 0 to 1", group["rho"])

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "step": step_count(), "square_avg": p.zeros_like(), "acc_delta": p.zeros_like(),
        }  # fmt: skip

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        rho = numbers.number("rho")
        rate, eps, rho, new = in_type(
            params[0].dtype, -numbers.number("lr"), numbers.number("eps"), rho, 1 - rho
        )
        for p in params:
            g = self._gradient(p, numbers)
            state = self.state[p]
            v = state["square_avg"].mul_(rho).addcmul_(g, g, value=new)
            d = (state["acc_delta"] + eps).sqrt() / (v + eps).sqrt() * g
            state["acc_delta"].mul_(rho).addcmul_(d, d, value=new)
            p.add_(rate * d)
