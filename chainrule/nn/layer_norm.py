"""Layer normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.functional.normalization import layer_norm
from chainrule.nn.normalization import SampleNormalization
from chainrule.tensor.tensor import Tensor


class LayerNorm(SampleNormalization):
    """Each sample normalized over its last axes  y = w (x - μ) / √(σ² + ε) + b.

    Shapes:  (…, *normalized_shape); weight and bias (*normalized_shape)
    Args:
        normalized_shape: the sizes of those axes
        elementwise_affine: whether there are w and b
        bias: whether there is a b
    Source:  Ba, Kiros & Hinton 2016, "Layer normalization"
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine)
        shift = elementwise_affine and bias
        self._register_affine(self.normalized_shape, elementwise_affine, shift, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, bias={self.bias is not None}"
