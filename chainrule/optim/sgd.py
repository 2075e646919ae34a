"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.dtypes import bool_ as boolean
from chainrule.errors import ArgumentError
from chainrule.optim.hyperparameters import NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.tensor import trace
from chainrule.tensor.creation import zeros
from chainrule.tensor.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

        g ← ∂L/∂p + λ p
        b ← μ b + (1 - τ) g        (b ← g in the first step)
        p ← p - η b                (Nesterov: p - η (g + μ b); without momentum: p - η g)

    Args:
        lr: learning rate η ≥ 0
        momentum: μ ≥ 0, the share of the last move that goes on
        dampening: τ, what momentum takes away from the gradient
        weight_decay: λ ≥ 0, pulls parameters to 0
        nesterov: look ahead along the momentum; needs momentum > 0 and dampening 0
        maximize: climb instead of descend
        foreach, fused: accepted for programs written for PyTorch, where they choose between
            implementations; there is one here, and `compile` fuses it
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters that make no sense.

    Source: Sutskever et al. 2013, On the importance of initialization and momentum,
        http://proceedings.mlr.press/v28/sutskever13.html (with η outside of b)

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0], requires_grad=True)
        >>> optimizer = SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.item()                      # 4 - 0.1 · 8
        3.200000047683716
    """

    ranges = {"lr": NONNEGATIVE, "momentum": NONNEGATIVE, "weight_decay": NONNEGATIVE}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening,
            "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize,
            "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        self._begun: dict[Tensor, Tensor] = {}  # whether a momentum with dampening is not new
        super().__init__(params, defaults)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As Optimizer.load_state_dict; a momentum that is loaded has begun."""
        super().load_state_dict(state_dict)
        self._begun = {}

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ArgumentError(
                "CR604",
                f"SGD: nesterov=True needs momentum > 0 and dampening 0, got momentum "
                f"{group['momentum']} and dampening {group['dampening']}",
            )

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        if not group["momentum"]:
            return {}
        return {"momentum_buffer": None if group["dampening"] else p.zeros_like()}

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        (lr,) = in_type(params[0].dtype, numbers.number("lr"))
        for p in params:
            g = self._gradient(p, numbers)
            if numbers.on("momentum"):
                g = self._with_momentum(p, g, numbers)
            p.sub_(lr * g)

    def _with_momentum(self, p: Tensor, g: Tensor, numbers: Hyperparameters) -> Tensor:
        momentum, kept = in_type(
            p.dtype, numbers.number("momentum"), 1 - numbers.number("dampening")
        )
        state = self.state[p]
        if state["momentum_buffer"] is None:
            with trace.active(None):
                state["momentum_buffer"] = p.zeros_like()
                self._begun[p] = zeros((), dtype=boolean)
        buffer, begun = state["momentum_buffer"], self._begun.get(p)
        if begun is not None:
            kept = kept.where(begun, 1)
            begun.fill_(True)
        buffer.mul_(momentum).add_(g * kept if numbers.on("dampening") else g)
        return g + momentum * buffer if numbers.on("nesterov") else buffer
