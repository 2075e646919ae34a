"""Differentiation, under PyTorch's name."""

from chainrule.tensor.function import Function as Function
from chainrule.tensor.function import once_differentiable as once_differentiable
from chainrule.tensor.gradcheck import gradcheck as gradcheck
from chainrule.tensor.gradcheck import gradgradcheck as gradgradcheck
from chainrule.tensor.gradient import backward as backward
from chainrule.tensor.gradient import grad as grad
from chainrule.tensor.tensor import Tensor as Variable  # noqa: F401
