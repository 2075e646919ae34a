"""Adaptive softmax under PyTorch's name."""

from chainrule.nn.adaptive_softmax import (
    AdaptiveLogSoftmaxWithLoss as AdaptiveLogSoftmaxWithLoss,
)
