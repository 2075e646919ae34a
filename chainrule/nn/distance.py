"""Distances as modules; the formulas are in chainrule/functional."""

from __future__ import annotations

from chainrule.functional.distance import pairwise_distance
from chainrule.functional.normalization import cosine_similarity
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class PairwiseDistance(Module):
    """The distance of the vectors along the last axis  ‖x₁ - x₂ + ε‖ₚ.

    Args:  p: which norm. eps: ε. keepdim: whether the axis stays, with size 1.

    Example:
        >>> import chainrule as cr
        >>> PairwiseDistance()(cr.tensor([[3.0, 0.0]]), cr.tensor([[0.0, 4.0]]))
        tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle of vectors along `dim`  x₁ · x₂ / (max(‖x₁‖, ε) max(‖x₂‖, ε))."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return cosine_similarity(x1, x2, self.dim, self.eps)
