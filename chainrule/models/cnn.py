"""A small convolutional network for images of one object."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule import nn
from chainrule.tensor.tensor import Tensor


class CNN(nn.Module):
    """Blocks of convolution, batch norm, ReLU and 2 x 2 pooling, then one linear layer.

    Shapes: x (n, channels, image_size, image_size) → logits (n, classes)

    Args:
        image_size: height and width; each block halves it.
        widths: channels after each block.
        dropout: the probability with which a feature is left out while training.

    Example:
        >>> import chainrule as cr
        >>> CNN(8)(cr.zeros(5, 1, 8, 8)).shape
        chainrule.Size([5, 10])
    """

    def __init__(
        self,
        image_size: int,
        widths: Sequence[int] = (32, 64),
        channels: int = 1,
        classes: int = 10,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        blocks, size = [], image_size
        for width in widths:
            blocks.append(
                nn.Sequential(
                    nn.Conv2d(channels, width, kernel_size=3, padding=1),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
            )
            channels, size = width, size // 2
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels * size * size, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        x = self.features(x).flatten(1)  # (n, c h w)
        return self.classifier(self.dropout(x))
