"""What normalization layers share: a learned scale and shift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.tensor.creation import ones, zeros


class Normalization(Module):
    """The family: what is normalized is scaled by a weight w and shifted by a bias b."""

    def _register_affine(
        self, shape: Sequence[int], scale: bool, shift: bool, device: Any, dtype: Dtype | None
    ) -> None:
        """w = 1 and b = 0; None in the place of one that is not wanted."""
        weight = Parameter(ones(shape, device=device, dtype=dtype)) if scale else None
        bias = Parameter(zeros(shape, device=device, dtype=dtype)) if shift else None
        self.register_parameter("weight", weight)
        self.register_parameter("bias", bias)

    def reset_parameters(self) -> None:
        """Start anew."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
