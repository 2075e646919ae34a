"""Muon: momentum made orthogonal, for the matrices inside a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chainrule import dtypes
from chainrule.errors import ArgumentError
from chainrule.optim.hyperparameters import (
    NONNEGATIVE,
    Hyperparameters,
    in_type,
    is_number,
    out_of_range,
)
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.parameter_groups import Params
from chainrule.tensor.tensor import Tensor

ADJUSTMENTS = (None, "original", "match_rms_adamw")


class Muon(Optimizer):
    """Momentum, orthogonalized by Newton-Schulz iterations.

        b ← μ b + (1 - μ) ∂L/∂p
        u = orthogonal(b)                   (Nesterov: orthogonal(μ b + (1 - μ) ∂L/∂p))
        p ← (1 - η λ) p - η s u

    orthogonal(U S Vᵀ) ≈ U Vᵀ: every direction is moved in alike, also those in which the
    gradient is small. For matrices p (r, c) only, and meant for those of hidden layers; give
    biases, embeddings and the last layer to AdamW.

    Args:
        lr: learning rate η ≥ 0
        weight_decay: λ ≥ 0, pulls parameters to 0
        momentum: μ ≥ 0, how long the average remembers
        nesterov: look ahead along the momentum
        ns_coefficients: (a, b, c) of the iteration  x ← a x + (b A + c A²) x,  A = x xᵀ
        eps: the smallest norm that is divided by
        ns_steps: how many iterations
        adjust_lr_fn: "original" (and None): s = √max(1, r / c); "match_rms_adamw":
            s = 0.2 √max(r, c), with which the rate and decay of AdamW can be used

    Raises: ArgumentError (CR604) for hyper-parameters out of range, ArgumentError (CR611) for
        a parameter that is no matrix.

    Notes: every result of the iterations is rounded to bfloat16, as PyTorch does; u need not
        be exact.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/;
        match_rms_adamw: Liu et al. 2025, https://arxiv.org/abs/2502.16982

    Example:
        >>> import chainrule as cr
        >>> w = cr.tensor([[3.0, 0.0], [0.0, 0.1]], requires_grad=True)
        >>> optimizer = Muon([w], lr=0.1, weight_decay=0)
        >>> w.grad = w.detach().clone()
        >>> optimizer.step()
        >>> 3.0 - w[0, 0].item() > 0.05, 0.1 - w[1, 1].item() > 0.05   # both go about lr
        (True, True)
    """

    ranges = {
        "lr": NONNEGATIVE, "weight_decay": NONNEGATIVE, "momentum": NONNEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum,
            "nesterov": nesterov, "ns_coefficients": ns_coefficients, "eps": eps,
            "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        if group["adjust_lr_fn"] not in ADJUSTMENTS:
            raise out_of_range(
                "Muon", "adjust_lr_fn is 'original' or 'match_rms_adamw'", group["adjust_lr_fn"]
            )
        if len(group["ns_coefficients"]) != 3:
            raise out_of_range(
                "Muon", "ns_coefficients are three numbers", group["ns_coefficients"]
            )
        if not (is_number(group["ns_steps"], 0, 99) and group["ns_steps"] % 1 == 0):
            raise out_of_range("Muon", "ns_steps is a whole number < 100", group["ns_steps"])
        for i, p in enumerate(group["params"]):
            if p.ndim != 2:
                name = group["param_names"][i] if "param_names" in group else f"params[{i}]"
                raise ArgumentError(
                    "CR611",
                    f"Muon: {name} has shape {tuple(p.shape)}, but only matrices can be made "
                    "orthogonal. Give Muon the parameters with p.ndim == 2, the rest to AdamW",
                )

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": p.zeros_like()}

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        lr, momentum = numbers.number("lr"), numbers.number("momentum")
        momentum, new = in_type(params[0].dtype, momentum, 1 - momentum)
        for p in params:
            g = self._gradient(p, numbers, decay=False)
            u = self.state[p]["momentum_buffer"].lerp_(g, new)
            if numbers.on("nesterov"):
                u = g.lerp(u, momentum)
            u = _orthogonal(u, numbers).to(p.dtype)
            self._decay(p, numbers)
            (rate,) = in_type(p.dtype, lr * _adjustment(p, numbers.chosen("adjust_lr_fn")))
            p.sub_(rate * u)


def _adjustment(p: Tensor, kind: str | None) -> float:
    """s, so that the step has the same size per element in every shape of matrix."""
    rows, columns = p.shape
    if kind == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


def _orthogonal(u: Tensor, numbers: Hyperparameters) -> Tensor:
    """Singular values brought close to 1, without computing them."""
    coefficients = [numbers.number("ns_coefficients", i) for i in range(3)]
    a, b, c, eps = in_type(dtypes.float32, *coefficients, numbers.number("eps"))
    tall = u.shape[0] > u.shape[1]
    x = _rounded(u.mT if tall else u)
    x = _rounded(x / _rounded(_rounded(x.norm()).maximum(eps)))
    for _ in range(numbers.chosen("ns_steps")):
        gram = _rounded(x @ x.mT)
        polynomial = _rounded(b * gram + c * (gram @ gram))
        x = _rounded(a * x + polynomial @ x)
    return x.mT if tall else x


def _rounded(x: Tensor) -> Tensor:
    """float32 with the precision of bfloat16"""
    return x.bfloat16().float()
