"""The bilinear layer."""

from __future__ import annotations

import math
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError
from chainrule.functional.bilinear import bilinear
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Bilinear(Module):
    """y[o] = x₁ᵀ W[o] x₂ + b[o]

    Shapes:  (…, in1_features), (…, in2_features) → (…, out_features); weight (out_features,
        in1_features, in2_features)
    Notes:   weights and biases start evenly spread over ±1/√in1_features.

    Example:
        >>> import chainrule as cr
        >>> Bilinear(2, 3, 4)(cr.zeros(5, 2), cr.zeros(5, 3)).shape
        chainrule.Size([5, 4])
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ArgumentError(
                "CR902", f"Bilinear: in1_features={in1_features} must be positive"
            )
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        weight = (out_features, in1_features, in2_features)
        shift = (out_features,) if bias else None
        self._register_empty({"weight": weight, "bias": shift}, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start anew, at random."""
        bound = 1 / math.sqrt(self.in1_features)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
