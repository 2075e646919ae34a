"""Functions with derivatives of one's own, under PyTorch's name."""

from chainrule.tensor.function import Function as Function
from chainrule.tensor.function import once_differentiable as once_differentiable
