"""Dense layers."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.functional.linear import linear
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Linear(Module):
    """Dense layer  y = x Wᵀ + b.

    Shapes:  (…, in_features) → (…, out_features); weight (out_features, in_features)
    Args:    bias: whether there is a b.
    Raises:  ShapeError (CR101) where the last axis of the input has another size.
    Notes:   weights and biases start evenly spread over ±1/√in_features.

    Example:
        >>> import chainrule as cr
        >>> Linear(784, 10)(cr.zeros(32, 784)).shape
        chainrule.Size([32, 10])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        weight, shift = (out_features, in_features), (out_features,) if bias else None
        self._register_empty({"weight": weight, "bias": shift}, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start anew, at random."""
        init.fan_in_uniform_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
