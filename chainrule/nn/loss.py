"""Losses as modules; the formulas are in chainrule/functional/loss.py and cross_entropy.py."""

from __future__ import annotations

from typing import ClassVar

from chainrule.functional import loss as F
from chainrule.functional.cross_entropy import cross_entropy, nll_loss
from chainrule.functional.reduction import asked_for, check_reduction
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Loss(Module):
    """The family: a module that compares a prediction with a target.

    Args:  reduction: "mean" over all elements, their "sum", or "none".
        size_average, reduce: older arguments that say the same.
    """

    allowed: ClassVar[tuple[str, ...]] = ("none", "mean", "sum")

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.reduction = asked_for(reduction, size_average, reduce)
        check_reduction(self.reduction, type(self).__name__, self.allowed)


class WeightedLoss(Loss):
    """The family with a weight, which is a buffer."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class MSELoss(Loss):
    """Squared error  L = (x - t)².

    Example:
        >>> import chainrule as cr
        >>> MSELoss()(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 4.0]))
        tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """Absolute error  L = |x - t|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """L = e² / 2β where e < β, else e - β/2, with e = |x - t|."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """L = e² / 2 where e < δ, else δ (e - δ/2), with e = |x - t|."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(Loss):
    """Kullback-Leibler divergence  L = t (ln t - x), x a log-probability.

    Args:  reduction: also "batchmean", the divergence as mathematics defines it.
        log_target: whether the target holds log-probabilities too.
    """

    allowed = ("none", "mean", "batchmean", "sum")

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class CrossEntropyLoss(WeightedLoss):
    """Cross-entropy of logits with the true class  L = -w[t] ln softmax(x)[t].

    Shapes:  input (n, k, …) or (k,); target (n, …) labels, or the input's shape for
        probabilities of the classes
    Args:    weight (k,) of each class; a mean is divided by the sum of the weights.
        ignore_index: samples with this label do not count. label_smoothing: from 0 to 1.
    Raises:  ShapeError CR510, CR515; AxisError CR512; DtypeError CR513; ArgumentError CR514.

    Example:
        >>> import chainrule as cr
        >>> CrossEntropyLoss()(cr.tensor([[0.0, 0.0]]), cr.tensor([1]))
        tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(WeightedLoss):
    """Negative log-likelihood of the true class  L = -w[t] x[t], x log-probabilities."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class NLLLoss2d(NLLLoss):
    """An older name of NLLLoss, for images."""


class BCELoss(WeightedLoss):
    """Binary cross-entropy of probabilities  L = -w (t ln x + (1 - t) ln(1 - x))."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """Binary cross-entropy of logits  L = -w (p t ln σ(x) + (1 - t) ln(1 - σ(x))).

    Args:  weight: of each element. pos_weight: p of the positive class; both are broadcast.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
        )
