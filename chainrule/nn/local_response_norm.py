"""Local response normalization."""

from __future__ import annotations

from chainrule.functional.normalization import local_response_norm
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class LocalResponseNorm(Module):
    """Channels that inhibit their neighbours  y[c] = x[c] / (k + α/size Σ x[c']²)^β.

    Shapes:  (n, c, …)
    Args:    size: over how many channels around c the sum goes. alpha, beta, k: α, β and k.
    Source:  Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification", §3.3
    """

    def __init__(
        self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
