"""A layer and the batch normalization after it as one layer, for evaluation.

y = w (W x + b - μ) / √(σ² + ε) + β is again a layer: its weight is s W and its bias
s (b - μ) + β, with s = w / √(σ² + ε).
"""

from __future__ import annotations

import copy
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.nn.parameter import Parameter
from chainrule.tensor.tensor import Tensor


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that does what `conv` and then `bn` do in evaluation.

    Args:    transpose: whether it is a transposed convolution.
    Raises:  ArgumentError (CR568) in training mode.

    Example:
        >>> import chainrule as cr
        >>> from chainrule import nn
        >>> conv, bn = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
        >>> x = cr.randn(1, 1, 5, 5)
        >>> cr.allclose(fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
        True
    """
    fused = _copied(conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias,
        transpose,
    )  # fmt: skip
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A dense layer that does what `linear` and then `bn` do in evaluation.

    Raises:  ArgumentError (CR568) in training mode, or where bn has another number of channels.
    """
    fused = _copied(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise ArgumentError(
            "CR568",
            f"the layer has {linear.out_features} outputs, its batch normalization "
            f"{bn.num_features} channels",
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of the convolution that fuse_conv_bn_eval makes."""
    axis = 1 if transpose else 0
    shape = [1] * conv_w.ndim
    shape[axis] = -1
    scale = 1 / (bn_rv + bn_eps).sqrt()
    scale = scale if bn_w is None else bn_w * scale
    shift = (0 if conv_b is None else conv_b) - bn_rm
    bias = shift * scale if bn_b is None else shift * scale + bn_b
    weight = (conv_w * scale.reshape(shape)).to(conv_w.dtype)
    return (
        Parameter(weight.detach(), conv_w.requires_grad),
        Parameter(bias.detach().to(conv_w.dtype), conv_w.requires_grad),
    )


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of the dense layer that fuse_linear_bn_eval makes."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _copied(layer: Any, bn: Any) -> Any:
    if layer.training or bn.training:
        raise ArgumentError(
            "CR568",
            "a layer and its batch normalization are fused for evaluation; call eval() on both",
        )
    return copy.deepcopy(layer)
