"""Lion: steps by the sign of a momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.optim.hyperparameters import FRACTION, NONNEGATIVE, Hyperparameters, in_type
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.tensor.tensor import Tensor


class Lion(Optimizer):
    """Evolved sign momentum.

        g ← ∂L/∂p
        p ← (1 - η λ) p - η sign(β₁ m + (1 - β₁) g)
        m ← β₂ m + (1 - β₂) g

    Every element moves by η, so η wants to be 3 to 10 times smaller than with AdamW, and λ as
    much larger. PyTorch has no such optimizer; the arguments are those of its authors' code.

    Args:
        lr: learning rate η ≥ 0
        betas: (β₁, β₂), each ≥ 0 and < 1: the weight of the momentum in a step, and how long
            it remembers
        weight_decay: λ ≥ 0, pulls parameters to 0
        maximize: climb instead of descend

    Raises: ArgumentError (CR604) for hyper-parameters out of range.

    Source: Chen et al. 2023, Algorithm 2, https://arxiv.org/abs/2302.06675

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([4.0, -3.0], requires_grad=True)
        >>> optimizer = Lion([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 3.9000, -2.9000])
    """

    ranges = {"lr": NONNEGATIVE, "betas": FRACTION, "weight_decay": NONNEGATIVE}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {"exp_avg": p.zeros_like()}

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        rate, in_step, in_memory = in_type(
            params[0].dtype, numbers.number("lr"),
            1 - numbers.number("betas", 0), 1 - numbers.number("betas", 1),
        )  # fmt: skip
        for p in params:
            g = self._gradient(p, numbers, decay=False)
            m = self.state[p]["exp_avg"]
            self._decay(p, numbers)
            p.sub_(rate * m.lerp(g, in_step).sign())
            m.lerp_(g, in_memory)
