"""Variable, as old programs call a tensor that takes part in differentiation."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentTypeError
from chainrule.tensor.tensor import Tensor


class _VariableType(type):
    """Makes a tensor a leaf of its own; every tensor is an instance."""

    def __call__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        if not isinstance(data, Tensor):
            raise ArgumentTypeError(
                "CR903",
                f"Variable takes a tensor, got {type(data).__name__}; chainrule.tensor(data) "
                "makes one",
            )
        return data.detach().requires_grad_(requires_grad)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableType):
    """A leaf with the numbers of a tensor, which it shares. Today's programs use tensors.

    Args:
        data: the tensor.
        requires_grad: whether backward() is to fill in its gradient.
        volatile: has no effect, as in PyTorch; use no_grad().

    Raises: ArgumentTypeError (CR903) for what is no tensor.

    Example:
        >>> import chainrule as cr
        >>> x = cr.autograd.Variable(cr.ones(2), requires_grad=True)
        >>> (3 * x).sum().backward()
        >>> x.grad
        tensor([3., 3.])
    """
