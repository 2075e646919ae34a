"""The multi-layer perceptron."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from chainrule import nn
from chainrule.tensor.tensor import Tensor


class MLP(nn.Module):
    """Linear layers with ReLU between them, on flattened inputs.

    Shapes: x (n, …) with in_features numbers per sample → logits (n, classes)

    Example:
        >>> import chainrule as cr
        >>> MLP(64, [32])(cr.zeros(5, 1, 8, 8)).shape
        chainrule.Size([5, 10])
    """

    def __init__(
        self, in_features: int, hidden: Sequence[int] = (256, 128), classes: int = 10
    ) -> None:
        super().__init__()
        widths = [in_features, *hidden, classes]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        *hidden, last = self.layers
        x = x.flatten(1)
        for layer in hidden:
            x = layer(x).relu()
        return last(x)
