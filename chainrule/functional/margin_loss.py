"""Losses with a margin: what is ordered well enough costs nothing.

They take `reduction` ("mean", "sum" or "none") and PyTorch's older `size_average` and `reduce`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.activation import log1p_exp, logsigmoid
from chainrule.functional.cross_entropy import check_class_weight
from chainrule.functional.distance import pairwise_distance
from chainrule.functional.labels import check_integers, in_range
from chainrule.functional.loss_function import loss_function
from chainrule.functional.reduction import (
    asked_for,
    check_equal_shapes,
    check_reduction,
    reduced,
)
from chainrule.tensor.creation import arange
from chainrule.tensor.tensor import Tensor

Distance = Callable[[Tensor, Tensor], Tensor]


@loss_function
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = max(0, m - t (x₁ - x₂)): x₁ is to be the larger by m where t = 1, x₂ where t = -1.

    Shapes:  the same number of axes for all, broadcast
    Raises:  ShapeError (CR510) for other shapes; ArgumentError CR511, CR514.
    """
    reduction = asked_for(reduction, size_average, reduce)
    _check_axes("margin_ranking_loss", input1, input2, target)
    loss = (margin - target * (input1 - input2)).clamp_min(0)
    return reduced(loss, reduction, "margin_ranking_loss")


@loss_function
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = x where t = 1, max(0, m - x) where t = -1, for a distance x.

    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "hinge_embedding_loss")
    near = input.masked_fill(target == -1, 0)
    far = (margin - input).clamp_min(0).masked_fill(target == 1, 0)
    return reduced(near + far, reduction, "hinge_embedding_loss")


@loss_function
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = 1 - cos(x₁, x₂) where t = 1, max(0, cos(x₁, x₂) - m) where t = -1.

    Shapes:  input1 and input2 (n, d), target (n,); or (d,) and ()
    Raises:  ShapeError (CR510) for other shapes; ArgumentError CR511, CR514.
    """
    reduction = asked_for(reduction, size_average, reduce)
    x1, x2, t = (tuple(x.shape) for x in (input1, input2, target))
    if len(t) > 1 or len(x1) != len(t) + 1 or len(x2) != len(x1):
        raise ShapeError(
            "CR510",
            "cosine_embedding_loss compares (n, d) with (n, d) for targets (n,), or (d,) with "
            f"(d,) for a target (); got {x1}, {x2} and a target {t}",
        )
    tiny = 1e-12
    squares = [(x * x).sum(-1) + tiny for x in (input1, input2)]
    cosine = (input1 * input2).sum(-1) / (squares[0] * squares[1]).sqrt()
    alike = (1 - cosine).masked_fill(target != 1, 0)
    unlike = (cosine - margin).clamp_min(0).masked_fill(target != -1, 0)
    return reduced(alike + unlike, reduction, "cosine_embedding_loss")


@loss_function
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = max(0, m + ‖a - x⁺‖ₚ - ‖a - x⁻‖ₚ): an anchor is to be nearer to x⁺ than to x⁻.

    Shapes:  (n, d) or (d,) for all, broadcast
    Args:    swap: take the distance of x⁺ and x⁻ in place of the last one where it is smaller.
    Raises:  ShapeError (CR510); ArgumentError CR511, CR514, CR518 (m ≤ 0).
    Source:  Balntas et al. 2016, "Learning local feature descriptors with triplets"
    """
    return triplet_margin_with_distance_loss(
        anchor, positive, negative,
        distance_function=functools.partial(pairwise_distance, p=p, eps=eps),
        margin=margin, swap=swap, reduction=asked_for(reduction, size_average, reduce),
    )  # fmt: skip


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Distance | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """L = max(0, m + d(a, x⁺) - d(a, x⁻)) for a distance d; see triplet_margin_loss."""
    what = "triplet_margin_loss"
    check_reduction(reduction, what)
    if margin <= 0:
        raise ArgumentError("CR518", f"{what}: margin={margin} must be positive")
    _check_axes(what, anchor, positive, negative)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp_min(0), reduction, what)


@loss_function
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = Σ max(0, m - x[t] + x[i])ᵖ w[t] / k over all classes i but the true one, t.

    Shapes:  input (n, k), target (n,) labels; or (k,) and (); weight (k,)
    Args:    p: 1 or 2. weight: of each class; the mean is not divided by it.
    Raises:  ShapeError CR510, CR515; AxisError CR512; DtypeError CR513; ArgumentError CR518.
    """
    reduction = asked_for(reduction, size_average, reduce)
    what = "multi_margin_loss"
    classes = _classes(input, what)
    if p not in (1, 2):
        raise ArgumentError("CR518", f"{what}: p={p} must be 1 or 2")
    check_class_weight(weight, classes, what)
    labels = _labels(input, target, what).unsqueeze(-1)
    lead = (margin - input.gather(-1, labels) + input).clamp_min(0)
    lead = (lead if p == 1 else lead * lead).masked_fill(arange(classes) == labels, 0)
    loss = lead.sum(-1) / classes
    return reduced(
        loss if weight is None else loss * weight[labels.squeeze(-1)], reduction, what
    )


@loss_function
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = Σ max(0, 1 - x[t] + x[i]) / k over the true classes t and the other classes i.

    Shapes:  (n, k) or (k,) for both; a target lists labels, and ends at the first -1
    Raises:  ShapeError CR510, CR515; AxisError CR512; DtypeError CR513.
    """
    reduction = asked_for(reduction, size_average, reduce)
    what = "multilabel_margin_loss"
    classes = _classes(input, what)
    check_equal_shapes(input, target, what)
    check_integers(target, what)
    listed = (target != -1).long().cumprod(-1).bool()
    labels = in_range(target.masked_fill(~listed, 0), classes, what)
    hits = (labels.unsqueeze(-1) == arange(classes)) & listed.unsqueeze(-1)  # (…, label, k)
    true = hits.any(-2)
    lead = (1 - input.gather(-1, labels).unsqueeze(-1) + input.unsqueeze(-2)).clamp_min(0)
    counted = listed.unsqueeze(-1) & ~true.unsqueeze(-2)
    return reduced(lead.masked_fill(~counted, 0).sum((-2, -1)) / classes, reduction, what)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """L = ln(1 + exp(-t x)) for targets t of 1 and -1.

    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "soft_margin_loss")
    return reduced(log1p_exp(-target * input), reduction, "soft_margin_loss")


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of logits, L = -Σ w (t ln σ(x) + (1 - t) ln σ(-x)) / k.

    Shapes:  (n, k) for both; weight (k,)
    Raises:  ShapeError (CR510) for unequal shapes; ArgumentError CR511, CR514.
    """
    reduction = asked_for(reduction, size_average, reduce)
    check_equal_shapes(input, target, "multilabel_soft_margin_loss")
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduced(loss.mean(-1), reduction, "multilabel_soft_margin_loss")


def _classes(input: Tensor, what: str) -> int:
    """How many classes an input (n, classes) or (classes,) has."""
    if input.ndim not in (1, 2) or input.shape[-1] == 0:
        raise ShapeError(
            "CR515",
            f"{what} takes an input (n, classes) or (classes,) with at least one class, got "
            f"{tuple(input.shape)}",
        )
    return input.shape[-1]


def _labels(input: Tensor, target: Tensor, what: str) -> Tensor:
    """The labels, one for each sample."""
    if target.shape != input.shape[:-1]:
        raise ShapeError(
            "CR510",
            f"{what}: an input {tuple(input.shape)} goes with labels of shape "
            f"{tuple(input.shape[:-1])}, got a target {tuple(target.shape)}",
        )
    check_integers(target, what)
    return in_range(target, input.shape[-1], what)


def _check_axes(what: str, *tensors: Tensor) -> None:
    """Raises ShapeError (CR510) unless all have the same number of axes."""
    if len({x.ndim for x in tensors}) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        raise ShapeError(
            "CR510", f"{what} takes tensors with the same number of axes, got shapes {shapes}"
        )
