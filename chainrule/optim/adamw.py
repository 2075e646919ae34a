"""AdamW: Adam whose weight decay does not pass through the averages."""

from __future__ import annotations

from chainrule.optim.adam import Adam
from chainrule.optim.parameter_groups import Params
from chainrule.tensor.tensor import Tensor


class AdamW(Adam):
    """Adam with decoupled weight decay.

        g ← ∂L/∂p
        p ← (1 - η λ) p
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        p ← p - η · m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)

    Args:
        weight_decay: λ ≥ 0; every parameter shrinks at the same rate, while in Adam those
            with large gradients hardly shrink
        lr, betas, eps, amsgrad and the rest: as in Adam

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Loshchilov and Hutter 2019, Algorithm 2, https://arxiv.org/abs/1711.05101
        (with η inside the schedule multiplier, as PyTorch has it)

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0], requires_grad=True)
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()                    # 4 · (1 - 0.05) - 0.1
        tensor([3.7000])
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip
