"""A tensor that a module learns."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentTypeError
from chainrule.tensor.creation import empty
from chainrule.tensor.tensor import Tensor


class Parameter(Tensor):
    """A tensor that registers with the module it is assigned to, and requires a gradient.

    Args:
        data: the values; the parameter lives on the memory of this tensor
        requires_grad: whether it is learned

    Example:
        >>> import chainrule as cr
        >>> Parameter(cr.tensor([1.0, 2.0]))
        Parameter containing:
        tensor([1., 2.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = empty(0)
        if not isinstance(data, Tensor):
            raise ArgumentTypeError(
                "CR503",
                f"Parameter takes a tensor, got {type(data).__name__}; "
                "chainrule.tensor(value) makes one",
            )
        parameter = object.__new__(cls)
        parameter._cell = data.detach()._cell
        parameter.requires_grad_(requires_grad)
        return parameter

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
