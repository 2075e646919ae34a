"""What all losses share: equal shapes in, one number out."""

from __future__ import annotations

import warnings

from chainrule.errors import ArgumentError, ShapeError
from chainrule.shapes import broadcast
from chainrule.tensor.tensor import Tensor


def reduced(loss: Tensor, reduction: str, what: str) -> Tensor:
    """The losses of single elements as they are ("none"), their mean, or their sum.

    Raises:  ArgumentError CR511 (another reduction), CR514 (the mean of nothing).
    """
    if reduction == "mean":
        check_not_empty(loss, what)
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    check_reduction(reduction, what)
    return loss


def asked_for(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction, or the one that the older arguments say, where a program gives them."""
    if size_average is None and reduce is None:
        return reduction
    for value in (size_average, reduce):
        if isinstance(value, str):
            raise ArgumentError("CR511", f"give the reduction by name, reduction={value!r}")
    if reduce is not None and not reduce:
        reduction = "none"
    else:
        reduction = "mean" if size_average is None or size_average else "sum"
    warnings.warn(
        f"size_average and reduce are older names; write reduction={reduction!r}", stacklevel=3
    )
    return reduction


def weighted_mean(loss: Tensor, weight: Tensor | None, reduction: str, what: str) -> Tensor:
    """The reduction of losses with a weight each, by which the mean is divided."""
    if weight is None:
        return reduced(loss, reduction, what)
    if weight.shape != loss.shape:
        raise ShapeError(
            "CR510",
            f"{what}: the weight has shape {tuple(weight.shape)}; expected one for each "
            f"element of the input {tuple(loss.shape)}",
        )
    if reduction == "mean":
        check_not_empty(loss, what)
        return (loss * weight).sum() / weight.sum()
    return reduced(loss * weight, reduction, what)


def check_reduction(
    reduction: str, what: str, allowed: tuple[str, ...] = ("none", "mean", "sum")
) -> None:
    """Raises ArgumentError (CR511) for a reduction that is not allowed."""
    if reduction not in allowed:
        raise ArgumentError(
            "CR511", f"{what}: reduction={reduction!r}; choose from {', '.join(allowed)}"
        )


def check_not_empty(loss: Tensor, what: str) -> None:
    """Raises ArgumentError (CR514) where a mean would be 0 / 0."""
    if loss.numel() == 0:
        raise ArgumentError(
            "CR514",
            f"{what}: the mean over an empty batch (shape {tuple(loss.shape)}) does not exist. "
            'Skip the batch, or take reduction="sum", which is 0',
        )


def check_equal_shapes(input: Tensor, target: Tensor, what: str) -> None:
    """Raises ShapeError (CR510) where broadcasting would pair elements nobody meant to pair."""
    x, t = tuple(input.shape), tuple(target.shape)
    if x != t:
        raise ShapeError("CR510", f"{what} compares {_difference(x, t)}")


def _difference(x: tuple[int, ...], t: tuple[int, ...]) -> str:
    pair = f"an input of shape {x} with a target of shape {t}; they must be equal. "
    if input_squeezed := _without_one(x, t):
        return f"{pair}Squeeze the input, input.squeeze({input_squeezed[0]})"
    if target_squeezed := _without_one(t, x):
        return f"{pair}Squeeze the target, target.squeeze({target_squeezed[0]})"
    try:
        together = broadcast(x, t)
    except ShapeError:
        return pair + "Are these the right ones?"
    return (
        f"{pair}Broadcasting would give {together}; if that is meant, say target.expand({x})"
        if together == x
        else f"{pair}Broadcasting would give {together}"
    )


def _without_one(longer: tuple[int, ...], shorter: tuple[int, ...]) -> list[int]:
    """The axes of size 1 without which the two shapes are equal."""
    found = [i for i, n in enumerate(longer) if n == 1]
    return [i for i in reversed(found) if (*longer[:i], *longer[i + 1 :]) == shorter]
