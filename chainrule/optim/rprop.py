"""Rprop: steps by the sign of the gradient, longer while it stays the same."""

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


class Rprop(Optimizer):
    """Resilient backpropagation. For each element by itself,

        g ← ∂L/∂p
        Δ ← Δ η₊ if g has the sign it had before, Δ η₋ if the other one, then into [Δ₋, Δ₊]
        g ← 0 if its sign has changed
        p ← p - Δ sign(g)

    Only the signs count, so it needs gradients of the whole data set, not of small batches.

    Args:
        lr: what Δ is in the first step, ≥ 0
        etas: (η₋, η₊) with 0 < η₋ < 1 < η₊
        step_sizes: (Δ₋, Δ₊), the shortest and the longest step
        capturable, foreach: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Riedmiller and Braun 1993, A direct adaptive method for faster backpropagation
        learning, https://doi.org/10.1109/ICNN.1993.298623 (without taking back a step)

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = Rprop([w], lr=0.1)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> w.detach()                    # steps of 0.1 and of 1.2 · 0.1
        tensor([ 3.7800, -2.7800])
    """

    ranges = {"lr": NONNEGATIVE}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        shorter, longer = group["etas"]
        if not (is_number(shorter, 0, 1) and 0 < shorter < 1 < longer):
            raise out_of_range(
                "Rprop", "etas must be two numbers, 0 < η₋ < 1 < η₊", group["etas"]
            )

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "step": step_count(), "prev": p.zeros_like(),
            "step_size": p.full_like(float(group["lr"])),
        }  # fmt: skip

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        names = "etas", "etas", "step_sizes", "step_sizes"
        shorter, longer, least, most = in_type(
            params[0].dtype, *[numbers.number(name, i % 2) for i, name in enumerate(names)]
        )
        for p in params:
            g = self._gradient(p, numbers, decay=False)
            state = self.state[p]
            agreement = g * state["prev"]
            turned = agreement < 0
            factor = longer.where(agreement > 0, shorter.where(turned, 1))
            size = state["step_size"]
            size.copy_((size * factor).maximum(least).minimum(most))
            g = g.masked_fill(turned, 0)
            p.sub_(g.sign() * size)
            state["prev"].copy_(g)
