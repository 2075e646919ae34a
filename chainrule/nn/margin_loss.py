"""Losses with a margin as modules; the formulas are in chainrule/functional/margin_loss.py."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.functional import margin_loss as F
from chainrule.nn.distance import PairwiseDistance
from chainrule.nn.loss import Loss, WeightedLoss
from chainrule.tensor.tensor import Tensor


class MarginLoss(Loss):
    """The family with a margin."""

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class MarginRankingLoss(MarginLoss):
    """L = max(0, m - t (x₁ - x₂)): x₁ is to be the larger by m where t = 1, x₂ where t = -1.

    Example:
        >>> import chainrule as cr
        >>> MarginRankingLoss(0.5)(cr.tensor([1.0]), cr.tensor([2.0]), cr.tensor([1.0]))
        tensor(1.5000)
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class HingeEmbeddingLoss(MarginLoss):
    """L = x where t = 1, max(0, m - x) where t = -1, for a distance x."""

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(MarginLoss):
    """L = 1 - cos(x₁, x₂) where t = 1, max(0, cos(x₁, x₂) - m) where t = -1.

    Shapes:  input1 and input2 (n, d), target (n,); or (d,) and ()
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class TripletMarginLoss(Loss):
    """L = max(0, m + ‖a - x⁺‖ₚ - ‖a - x⁻‖ₚ): an anchor is to be nearer to x⁺ than to x⁻.

    Args:    margin: m. p: which norm. eps: added to the differences. swap: take the distance
        of x⁺ and x⁻ in place of the last one where it is smaller.
    Source:  Balntas et al. 2016, "Learning local feature descriptors with triplets"
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = _positive(self, margin)
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class TripletMarginWithDistanceLoss(Loss):
    """L = max(0, m + d(a, x⁺) - d(a, x⁻)).

    Args:    distance_function: d; None for PairwiseDistance(). swap: as in TripletMarginLoss.
    """

    def __init__(
        self,
        *,
        distance_function: F.Distance | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.distance_function = (
            PairwiseDistance() if distance_function is None else distance_function
        )
        self.margin = _positive(self, margin)
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function,
            margin=self.margin, swap=self.swap, reduction=self.reduction,
        )  # fmt: skip


class MultiMarginLoss(WeightedLoss):
    """L = Σ max(0, m - x[t] + x[i])ᵖ w[t] / k over all classes i but the true one, t.

    Shapes:  input (n, k), target (n,) labels; or (k,) and (); weight (k,)
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ArgumentError("CR518", f"MultiMarginLoss: p={p} must be 1 or 2")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(Loss):
    """L = Σ max(0, 1 - x[t] + x[i]) / k over the true classes t and the other classes i.

    Shapes:  (n, k) or (k,) for both; a target lists labels, and ends at the first -1
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """L = ln(1 + exp(-t x)) for targets t of 1 and -1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """Binary cross-entropy of logits, L = -Σ w (t ln σ(x) + (1 - t) ln σ(-x)) / k."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(
            input, target, self.weight, reduction=self.reduction
        )


def _positive(loss: Loss, margin: float) -> float:
    if margin <= 0:
        raise ArgumentError("CR518", f"{type(loss).__name__}: margin={margin} must be positive")
    return margin
