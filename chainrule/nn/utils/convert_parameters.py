"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.errors import ShapeError
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters in a row.

    Example:
        >>> from chainrule import nn
        >>> parameters_to_vector(nn.Linear(3, 2).parameters()).shape
        chainrule.Size([8])
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Store the elements of a vector in the parameters, in order.

    Raises: ShapeError (CR533) where there are too many or too few.
    """
    listed = list(parameters)
    sizes = [p.numel() for p in listed]
    if vec.shape != (sum(sizes),):
        raise ShapeError(
            "CR533",
            f"a vector {tuple(vec.shape)} for parameters that hold {sum(sizes)} elements; "
            "parameters_to_vector(parameters) has the shape that fits",
        )
    with no_grad():
        for p, part in zip(listed, vec.split(sizes), strict=True):
            p.copy_(part.reshape(p.shape))
