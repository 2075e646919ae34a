"""What recurrent layers and their cells share: sizes, starting values, checks of the input."""

from __future__ import annotations

import math
from typing import Any

from chainrule.errors import ArgumentTypeError, ShapeError
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class Recurrent(Module):
    """The family: a hidden state of `hidden_size` numbers, inputs of `input_size` features."""

    input_size: int
    hidden_size: int

    def reset_parameters(self) -> None:
        """Start anew, evenly spread over ±1/√hidden_size."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _check_tensor(self, input: Any) -> None:
        if not isinstance(input, Tensor):
            raise ArgumentTypeError(
                "CR209", f"{type(self).__name__} takes a tensor, got {type(input).__name__}"
            )

    def _check_features(self, x: Tensor) -> None:
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                "CR101",
                f"{type(self).__name__} expects (…, {self.input_size}) but got "
                f"{tuple(x.shape)}. The input has {x.shape[-1]} features, so it needs "
                f"input_size={x.shape[-1]}",
            )
