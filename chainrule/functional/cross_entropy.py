"""Losses of a classifier: how improbable it holds the true class."""

from __future__ import annotations

from chainrule import dtypes
from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.functional.channels import per_channel
from chainrule.functional.labels import check_integers, in_range, within
from chainrule.functional.loss_function import loss_function
from chainrule.functional.reduction import asked_for, check_not_empty, check_reduction, reduced
from chainrule.functional.softmax import log_softmax
from chainrule.tensor.creation import arange
from chainrule.tensor.tensor import Tensor


@loss_function
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of logits x with the true class t  L = -w[t] ln softmax(x)[t]

    or with the probabilities t of all classes  L = -Σ w[k] t[k] ln softmax(x)[k].

    Shapes:  input (n, k, …) or (k,) with k classes; target (n, …) or () labels, or the shape
        of the input for probabilities; weight (k,)
    Args:    weight: of each class; a mean over labels is divided by the sum of the weights.
        ignore_index: samples with this label do not count.
        label_smoothing: ε; the target becomes (1 - ε) t + ε / k.
    Raises:  ShapeError CR510, CR515; AxisError CR512 (a label out of range); DtypeError CR513;
        ArgumentError CR511, CR514 (an empty batch), CR518.
    Notes:   the input is logits: softmax is taken here, and should not have been before.
    Source:  Goodfellow et al. 2016, §6.2.2.3; Szegedy et al. 2016 (label smoothing)

    Example:
        >>> import chainrule as cr
        >>> cross_entropy(cr.tensor([[0.0, 0.0]]), cr.tensor([1]))
        tensor(0.6931)
    """
    reduction = asked_for(reduction, size_average, reduce)
    _check(input, weight, reduction, "cross_entropy")
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError("CR518", f"label_smoothing={label_smoothing} must be from 0 to 1")
    if target.is_floating_point() and target.shape == input.shape:
        loss = _of_probabilities(input, target, weight, label_smoothing)
        return reduced(loss, reduction, "cross_entropy")
    labels, ignored = _labels(input, target, ignore_index, "cross_entropy")
    dim = _class_axis(input)
    x = input._from_largest(dim)
    log_total = x.exp().sum(dim).log()  # -ln softmax(x)[t] = ln Σ eˣ - x[t]
    loss, counts = _weighted(log_total - _picked(x, labels), labels, weight)
    if label_smoothing:
        even = _even_loss(x, log_total, weight, dim) * (label_smoothing / input.shape[dim])
        loss = loss * (1 - label_smoothing) + even
    return _reduced_over_kept(loss, counts, ignored, reduction, "cross_entropy")


@loss_function
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of the true class t  L = -w[t] x[t], x log-probabilities.

    Shapes, Args, Raises:  as in cross_entropy, which is nll_loss(log_softmax(x, 1), t).

    Example:
        >>> import chainrule as cr
        >>> nll_loss(cr.tensor([[-1.0, -2.0]]), cr.tensor([1]))
        tensor(2.)
    """
    reduction = asked_for(reduction, size_average, reduce)
    _check(input, weight, reduction, "nll_loss")
    labels, ignored = _labels(input, target, ignore_index, "nll_loss")
    loss, counts = _weighted(-_picked(input, labels), labels, weight)
    return _reduced_over_kept(loss, counts, ignored, reduction, "nll_loss")


def _class_axis(input: Tensor) -> int:
    return 0 if input.ndim == 1 else 1


def _picked(x: Tensor, labels: Tensor) -> Tensor:
    """x at the label of each sample  Σ_k x[k] [k = t]: (n, k, …) → (n, …)

    A sum over all classes, as its derivative is cheaper than that of a gather.
    """
    dim = _class_axis(x)
    classes = per_channel(arange(x.shape[dim]), x)
    return x.where(labels.unsqueeze(dim) == classes, 0).sum(dim)


def _weighted(
    loss: Tensor, labels: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """The losses times the weights of their classes, and those weights."""
    if weight is None:
        return loss, None
    of_sample = weight[labels]
    return loss * of_sample, of_sample


def _even_loss(x: Tensor, log_total: Tensor, weight: Tensor | None, dim: int) -> Tensor:
    """-Σ w[k] ln softmax(x)[k] over all classes k."""
    if weight is None:
        return log_total * x.shape[dim] - x.sum(dim)
    return log_total * weight.sum() - (x * per_channel(weight, x)).sum(dim)


def _of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, smoothing: float
) -> Tensor:
    dim = _class_axis(input)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / input.shape[dim]
    if weight is not None:
        target = target * per_channel(weight, input)
    return -(log_softmax(input, dim) * target).sum(dim)


def _reduced_over_kept(
    loss: Tensor, counts: Tensor | None, ignored: Tensor | None, reduction: str, what: str
) -> Tensor:
    """The reduction over the samples that count, each as often as `counts` says."""
    if ignored is not None:
        loss = loss.masked_fill(ignored, 0)
        counts = ~ignored if counts is None else counts.masked_fill(ignored, 0)
    if counts is None or reduction != "mean":
        return reduced(loss, reduction, what)
    check_not_empty(loss, what)
    return loss.sum() / counts.sum()


def _labels(
    input: Tensor, target: Tensor, ignore_index: int, what: str
) -> tuple[Tensor, Tensor | None]:
    """Labels within range, and which samples to ignore (None for no sample)."""
    classes = input.shape[_class_axis(input)]
    _check_labels(input, target, what)
    if not 0 <= ignore_index < classes and within(target, classes):
        return target, None
    ignored = target == ignore_index
    return in_range(target.masked_fill(ignored, 0), classes, what), ignored


def _check(input: Tensor, weight: Tensor | None, reduction: str, what: str) -> None:
    check_reduction(reduction, what)
    classes = input.shape[_class_axis(input)] if input.ndim else 0
    if classes == 0:
        raise ShapeError(
            "CR515",
            f"{what} takes an input (n, classes, …) with at least one class, got "
            f"{tuple(input.shape)}",
        )
    check_class_weight(weight, classes, what)


def check_class_weight(weight: Tensor | None, classes: int, what: str) -> None:
    """Raises ShapeError (CR515) unless a weight has one number for each class."""
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ShapeError(
            "CR515",
            f"{what}: the weight has shape {tuple(weight.shape)}; expected one number for "
            f"each of the {classes} classes",
        )


def _check_labels(input: Tensor, target: Tensor, what: str) -> None:
    dim = _class_axis(input)
    x, t = tuple(input.shape), tuple(target.shape)
    expected = (*x[:dim], *x[dim + 1 :])
    if t == x and target.dtype.category != dtypes.FLOAT:
        raise DtypeError(
            "CR513",
            f"{what}: a target with the shape of the input {x} holds probabilities, but its "
            f"type is {target.dtype}; for probabilities use target.float(), for labels "
            f"target.argmax({dim})",
        )
    if t != expected:
        squeezable = t == (*x[:dim], 1, *x[dim + 1 :])
        repair = f"; target.squeeze({dim}) has it" if squeezable else ""
        raise ShapeError(
            "CR510",
            f"{what}: an input {x} has {x[dim]} classes on axis {dim}, so its labels have "
            f"shape {expected}, got a target {t}{repair}",
        )
    check_integers(target, what)
