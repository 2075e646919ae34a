"""ASGD: gradient descent that also averages the points it passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class ASGD(Optimizer):
    """Averaged stochastic gradient descent.

        g ← ∂L/∂p + λ p
        p ← (1 - λ₀ η) p - η g                    with η = lr in the first step
        a ← a + μ (p - a)                         with μ = 1 in the first step
        η ← lr / (1 + λ₀ lr t)^α,   μ ← 1 / max(1, t - t₀)

    The average a is kept as `optimizer.state[p]["ax"]`; p itself goes on from where it is.

    Args:
        lr: the first learning rate, ≥ 0
        lambd: λ₀, how fast p decays and η falls
        alpha: α, the power in which η falls
        t0: t₀, the number of steps after which the average begins; before, a is p
        weight_decay: λ ≥ 0, pulls parameters to 0
        foreach, capturable: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Polyak and Juditsky 1992, https://doi.org/10.1137/0330046

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0], requires_grad=True)
        >>> optimizer = ASGD([w], lr=0.25, lambd=0, t0=0)
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> w.item(), optimizer.state[w]["ax"].item()       # after 2, 1 and 0.5
        (0.5, 0.75)
    """

    ranges = {"lr": NONNEGATIVE, "weight_decay": NONNEGATIVE}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "step": step_count(), "eta": step_count() + float(group["lr"]),
            "mu": step_count() + 1, "ax": p.zeros_like(),
        }  # fmt: skip

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        lr, lambd = numbers.number("lr"), numbers.number("lambd")
        following = lr / (1 + lambd * lr * step) ** numbers.number("alpha")
        share = 1 / (step - numbers.number("t0")).clamp(min=1)
        for p in params:
            g = self._gradient(p, numbers)
            state = self.state[p]
            eta, mu, average = state["eta"], state["mu"], state["ax"]
            kept, rate, part = in_type(p.dtype, 1 - lambd * eta.double(), eta.double(), mu)
            p.mul_(kept).sub_(rate * g)
            average.copy_(p.where(mu == 1, average + part * (p - average)))
            eta.copy_(following)
            mu.copy_(share)
