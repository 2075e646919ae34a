"""NAdam: Adam that looks ahead along its momentum, as Nesterov's method does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import FRACTION, NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.optim.state_dict import step_count
from chainrule.tensor.tensor import Tensor


class NAdam(Optimizer):
    """Adam with Nesterov momentum.

        g ← ∂L/∂p + λ p
        μₜ = β₁ (1 - 0.96^(t ψ) / 2),   Π ← μ₁ μ₂ … μₜ
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        p ← p - η ((1 - μₜ) / (1 - Π) · g + μₜ₊₁ / (1 - Π μₜ₊₁) · m) / (√(v / (1 - β₂ᵗ)) + ε)

    Args:
        lr: learning rate η ≥ 0
        betas: (β₁, β₂), each ≥ 0 and < 1: how long the averages remember
        eps: ε ≥ 0, keeps the quotient finite
        weight_decay: λ ≥ 0, pulls parameters to 0
        momentum_decay: ψ ≥ 0, how fast μ rises from about β₁ / 2 to β₁
        decoupled_weight_decay: p ← (1 - η λ) p instead of λ p in the gradient
        foreach, capturable: accepted for programs written for PyTorch, where they choose
            between implementations; there is one here, and `compile` fuses it
        maximize: climb instead of descend
        differentiable: must be False

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = NAdam([w], lr=0.1)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> w.detach()
        tensor([ 3.8169, -2.8172])
    """

    ranges = {
        "lr": NONNEGATIVE, "betas": FRACTION, "eps": NONNEGATIVE, "weight_decay": NONNEGATIVE,
        "momentum_decay": NONNEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "step": step_count(), "mu_product": step_count() + 1, "exp_avg": p.zeros_like(),
            "exp_avg_sq": p.zeros_like(),
        }  # fmt: skip

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        beta1, beta2 = numbers.number("betas", 0), numbers.number("betas", 1)
        lr, decay = numbers.number("lr"), numbers.number("momentum_decay")
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
        kind = params[0].dtype
        correction, eps, new1, beta2, new2 = in_type(
            kind, 1 - beta2**step, numbers.number("eps"), 1 - beta1, beta2, 1 - beta2
        )
        for p in params:
            g = self._gradient_after_decay(p, numbers)
            state = self.state[p]
            product = state["mu_product"]
            product.mul_(*in_type(product.dtype, mu))
            of_g, of_m = in_type(
                kind,
                -lr * (1 - mu) / (1 - product.double()),
                -lr * ahead / (1 - product.double() * ahead),
            )
            m = state["exp_avg"].lerp_(g, new1)
            v = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=new2)
            denominator = (v / correction).sqrt() + eps
            p.addcdiv_(g, denominator, value=of_g).addcdiv_(m, denominator, value=of_m)
