"""Losses that compare numbers with numbers. Those for classes are in cross_entropy.py.

Every loss takes `reduction`: "mean" over all elements, their "sum", or "none". Shapes must be
equal: a prediction (n, 1) against a target (n,) would silently compare all with all.
`size_average` and `reduce` are PyTorch's older arguments, which say the same as `reduction`.
"""

from __future__ import annotations

import math

from chainrule.errors import ArgumentError
from chainrule.functional.activation import log1p_exp
from chainrule.functional.loss_function import loss_function
from chainrule.functional.reduction import (
    asked_for,
    check_equal_shapes,
    check_reduction,
    reduced,
    weighted_mean,
)
from chainrule.ops.checking import Probabilities
from chainrule.tensor.tensor import Tensor


@loss_function
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared error  L = (x - t)².

    Args:    weight: of each element; the mean is divided by the sum of the weights.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    Source:  Goodfellow et al. 2016, §5.1.4

    Example:
        >>> import chainrule as cr
        >>> mse_loss(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 4.0]))
        tensor(2.)
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "mse_loss")
    error = input - target
    return weighted_mean(error * error, weight, reduction, "mse_loss")


@loss_function
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute error  L = |x - t|.

    Args:    weight: of each element; the mean is divided by the sum of the weights.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "l1_loss")
    return weighted_mean((input - target).abs(), weight, reduction, "l1_loss")


@loss_function
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """L = e² / 2β where e < β, else e - β/2, with e = |x - t|.

    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514, CR518 (β < 0).
    Source:  Girshick 2015, "Fast R-CNN"
    """
    reduction = asked_for(reduction, size_average, reduce)
    if beta < 0:
        raise ArgumentError("CR518", f"smooth_l1_loss: beta={beta} must not be negative")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    check_equal_shapes(input, target, "smooth_l1_loss")
    error = (input - target).abs()
    loss = (error * error * (0.5 / beta)).where(error < beta, error - 0.5 * beta)
    return reduced(loss, reduction, "smooth_l1_loss")


@loss_function
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """L = e² / 2 where e < δ, else δ (e - δ/2), with e = |x - t|.

    Args:    weight: of each element, broadcast; the mean is not divided by it.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514, CR518 (δ ≤ 0).
    Source:  Huber 1964, "Robust estimation of a location parameter"
    """
    if delta <= 0:
        raise ArgumentError("CR518", f"huber_loss: delta={delta} must be positive")
    check_equal_shapes(input, target, "huber_loss")
    error = (input - target).abs()
    loss = (error * error * 0.5).where(error < delta, delta * (error - 0.5 * delta))
    return reduced(loss if weight is None else loss * weight, reduction, "huber_loss")


@loss_function
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence  L = t (ln t - x), x a log-probability; 0 where t = 0.

    Args:    log_target: whether the target holds log-probabilities too.
        reduction: also "batchmean", the sum divided by the batch size, which is the
        divergence as mathematics defines it.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    Source:  Goodfellow et al. 2016, §3.13
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_reduction(reduction, "kl_div", ("none", "mean", "batchmean", "sum"))
    check_equal_shapes(input, target, "kl_div")
    if log_target:
        loss = target.exp() * (target - input)
    else:
        impossible = target <= 0
        log_t = target.masked_fill(impossible, 1).log()
        loss = target * log_t - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0]
    return reduced(loss, reduction, "kl_div")


@loss_function
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = -w (t ln x + (1 - t) ln(1 - x)) for a probability x; logarithms are -100 at least.

    Args:    weight: of each element, broadcast; the mean is not divided by it.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514, CR517 (an
        input or target that is no probability).
    Notes:   with logits, binary_cross_entropy_with_logits is more exact.
    Source:  Goodfellow et al. 2016, §6.2.2.2
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "binary_cross_entropy")
    what = "binary_cross_entropy"
    input = input._apply(
        Probabilities, input, what=what, of="input",
        repair="apply sigmoid() first, or use binary_cross_entropy_with_logits",
    )  # fmt: skip
    target = target._apply(
        Probabilities, target, what=what, of="target", repair="mend the labels"
    )
    loss = -(target * _log(input) + (1 - target) * _log(1 - input))
    return reduced(loss if weight is None else loss * weight, reduction, "binary_cross_entropy")


def _log(x: Tensor) -> Tensor:
    """ln x, -100 at least (there the derivative is 0); nan for x < 0."""
    tiny = (x >= 0) & (x <= math.exp(-100))
    return x.masked_fill(tiny, 1).log().masked_fill(tiny, -100.0)


@loss_function
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """L = -w (p t ln σ(x) + (1 - t) ln(1 - σ(x))) for a logit x.

    Args:    weight: w of each element, broadcast; the mean is not divided by it.
        pos_weight: p of the positive class, broadcast; above 1 it favours recall.
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    Notes:   computed as (1 - t) x + (1 + (p - 1) t) ln(1 + e⁻ˣ), which cannot overflow.
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "binary_cross_entropy_with_logits")
    softplus = log1p_exp(-input)
    if pos_weight is not None:
        softplus = softplus * (1 + (pos_weight - 1) * target)
    loss = (1 - target) * input + softplus
    loss = loss if weight is None else loss * weight
    return reduced(loss, reduction, "binary_cross_entropy_with_logits")
