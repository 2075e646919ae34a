"""Adagrad: steps that shrink where the gradients have been large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class Adagrad(Optimizer):
    """Adaptive gradient method.

        g ← ∂L/∂p + λ p
        s ← s + g²
        p ← p - η / (1 + (t - 1) κ) · g / (√s + ε)

    Args:
        lr: learning rate η ≥ 0
        lr_decay: κ ≥ 0
        weight_decay: λ ≥ 0, pulls parameters to 0
        initial_accumulator_value: what s begins with, ≥ 0
        eps: ε ≥ 0, keeps the quotient finite
        foreach, fused: accepted for programs written for PyTorch, where they choose between
            implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Duchi, Hazan and Singer 2011, https://jmlr.org/papers/v12/duchi11a.html

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()                    # a first step of lr, whatever the gradient's size
        tensor([ 3.9000, -2.9000])
    """

    ranges = {
        "lr": NONNEGATIVE, "lr_decay": NONNEGATIVE, "weight_decay": NONNEGATIVE,
        "initial_accumulator_value": NONNEGATIVE, "eps": NONNEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            self._state_of(p, group)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {"step": step_count(), "sum": p.full_like(group["initial_accumulator_value"])}

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        rate, eps = in_type(
            params[0].dtype,
            -numbers.number("lr") / (1 + (step - 1) * numbers.number("lr_decay")),
            numbers.number("eps"),
        )
        for p in params:
            g = self._gradient(p, numbers)
            s = self.state[p]["sum"].add_(g * g)
            p.addcdiv_(g, s.sqrt() + eps, value=rate)
