"""RAdam: Adam whose early steps, while the variance is uncertain, are made smaller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import FRACTION, NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class RAdam(Optimizer):
    """Rectified Adam.

        g ← ∂L/∂p + λ p
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        ρ∞ = 2 / (1 - β₂) - 1,   ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ)
        p ← p - η / (1 - β₁ᵗ) · m                                             while ρ ≤ 5
        p ← p - η r / (1 - β₁ᵗ) · m √(1 - β₂ᵗ) / (√v + ε)                      afterwards
        r = √((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ))

    Args:
        lr: learning rate η ≥ 0
        betas: (β₁, β₂), each ≥ 0 and < 1: how long the averages remember
        eps: ε ≥ 0, keeps the quotient finite
        weight_decay: λ ≥ 0, pulls parameters to 0
        decoupled_weight_decay: p ← (1 - η λ) p instead of λ p in the gradient
        foreach, capturable: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Liu et al. 2020, Algorithm 2, https://arxiv.org/abs/1908.03265

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = RAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()                    # the first steps are those of momentum: 0.1 · 2 w
        tensor([ 3.2000, -2.4000])
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
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {"step": step_count(), "exp_avg": p.zeros_like(), "exp_avg_sq": p.zeros_like()}

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        beta1, beta2 = numbers.number("betas", 0), numbers.number("betas", 1)
        rectified, factor = _rectification(step, beta2)
        rate = -numbers.number("lr") / (1 - beta1**step)
        rate, eps, new1, beta2, new2 = in_type(
            params[0].dtype,
            rate * factor, numbers.number("eps"), 1 - beta1, beta2, 1 - beta2,
        )  # fmt: skip
        for p in params:
            g = self._gradient_after_decay(p, numbers)
            state = self.state[p]
            m = state["exp_avg"].lerp_(g, new1)
            v = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=new2)
            p.addcdiv_(m, (v.sqrt() + eps).where(rectified, 1), value=rate)


def _rectification(step: Tensor, beta2: float | Tensor) -> tuple[Tensor, Tensor]:
    """Whether ρ > 5, and then r √(1 - β₂ᵗ), else 1."""
    longest = 2 / (1 - beta2) - 1
    shrunk = beta2**step
    length = longest - 2 * step * shrunk / (1 - shrunk)
    certain = length > 5
    length = length.where(certain, 6)
    longest = (0 * length + longest).where(certain, 6)
    share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return certain, (share * (1 - shrunk)).sqrt().where(certain, 1)
