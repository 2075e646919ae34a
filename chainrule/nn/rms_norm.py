"""Root mean square normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.functional.normalization import rms_norm
from chainrule.nn.normalization import SampleNormalization
from chainrule.tensor.tensor import Tensor


class RMSNorm(SampleNormalization):
    """Each sample scaled by the root of its mean square  y = w x / √(mean(x²) + ε).

    Shapes:  (…, *normalized_shape); weight (*normalized_shape)
    Args:
        normalized_shape: the sizes of the last axes
        eps: ε; None for the spacing of the input's type at 1
        elementwise_affine: whether there is a w
    Source:  Zhang & Sennrich 2019, "Root mean square layer normalization"
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine)
        self._register_scale(self.normalized_shape, elementwise_affine, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)
