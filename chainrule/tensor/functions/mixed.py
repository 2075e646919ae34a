"""Functions whose first argument need not be a tensor."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import OF_NUMPY
from chainrule.dtypes import dtype as Dtype
from chainrule.tensor.promotion import result_dtype
from chainrule.tensor.tensor import Tensor


def pow(input: Any, exponent: Any) -> Tensor:
    """`input` to the power `exponent`; one of them may be a number."""
    return input.pow(exponent) if isinstance(input, Tensor) else exponent.__rpow__(input)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` holds, else `other`; with one argument its true positions."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if isinstance(input, Tensor):
        return input.where(condition, other)
    if isinstance(other, Tensor):
        return other.where(~condition.bool(), input)
    return Tensor._number(input, result_dtype(input, other)).where(condition, other)


def result_type(tensor1: Any, tensor2: Any) -> Dtype:
    """The type of an operation on two tensors or numbers."""
    return OF_NUMPY[result_dtype(tensor1, tensor2)]


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)
