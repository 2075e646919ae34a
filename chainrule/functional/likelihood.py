"""Losses of a prediction that is a distribution: how improbable it holds the target."""

from __future__ import annotations

import math

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.loss_function import loss_function
from chainrule.functional.reduction import (
    asked_for,
    check_equal_shapes,
    check_reduction,
    reduced,
)
from chainrule.tensor.creation import full as filled
from chainrule.tensor.tensor import Tensor


@loss_function
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Of a Poisson distribution  L = eˣ - t x, or x - t ln(x + ε) unless `log_input`.

    Args:    full: add the constant ln t!, as Stirling's formula t ln t - t + ln(2π t) / 2
        where t > 1.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.

    Example:
        >>> import chainrule as cr
        >>> poisson_nll_loss(cr.tensor([0.0]), cr.tensor([3.0]))
        tensor(1.)
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "poisson_nll_loss")
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        t = target.masked_fill(target <= 1, 1)
        constant = t * t.log() - t + 0.5 * (2 * math.pi * t).log()
        loss = loss + constant.masked_fill(target <= 1, 0)
    return reduced(loss, reduction, "poisson_nll_loss")


@loss_function
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Of a normal distribution  L = (ln v + (x - t)² / v) / 2 with mean x and variance v.

    Shapes:  input (…, d); target the same, or 1 on some axes; var the same, (…, 1) or (…)
    Args:    var: v, ε at least. full: add the constant ln(2π) / 2.
    Raises:  ShapeError (CR510) for other shapes; ArgumentError CR511, CR514, CR518 (v < 0).
    Notes:   where v < ε the derivative passes to it all the same, so that it can grow again.
    Source:  Nix & Weigend 1994, "Estimating the mean and variance of the target distribution"
    """
    check_reduction(reduction, "gaussian_nll_loss")
    variance = _variance(input, var)
    if target.ndim != input.ndim or any(
        t not in (1, x) for t, x in zip(target.shape, input.shape, strict=True)
    ):
        check_equal_shapes(input, target, "gaussian_nll_loss")
    kept = variance - variance.detach() + variance.detach().clamp_min(eps)
    error = input - target
    loss = 0.5 * (kept.log() + error * error / kept)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction, "gaussian_nll_loss")


def _variance(input: Tensor, var: Tensor | float) -> Tensor:
    """The variance as a tensor that broadcasts against the input."""
    v = var if isinstance(var, Tensor) else filled(input.shape, var, dtype=input.dtype)
    numbers = v._known()
    if numbers is not None and (numbers < 0).any():
        raise ArgumentError("CR518", "gaussian_nll_loss: a variance var is negative")
    x = tuple(input.shape)
    if tuple(v.shape) == x[:-1] and v.ndim < len(x):
        return v.unsqueeze(-1)
    other = [n for n, size in zip(v.shape, x, strict=False) if n != size]
    if v.ndim != len(x) or sum(other) > 1:
        raise ShapeError(
            "CR510",
            f"gaussian_nll_loss: an input {x} goes with a variance of its shape, or one that "
            f"lacks the last axis or has size 1 on one axis; got {tuple(v.shape)}",
        )
    return v
