"""The affine map that a dense layer computes."""

from __future__ import annotations

import math

from chainrule.errors import ArgumentTypeError, DtypeError, ShapeError
from chainrule.ops.narrowing import narrowed
from chainrule.tensor.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map  y = x Wᵀ + b.

    Shapes:  input (…, in_features), weight (out_features, in_features) → (…, out_features)
    Raises:  ShapeError (CR101) where the last axis of the input has another size; DtypeError
        (CR204) where its type is not that of the weight.

    Example:
        >>> import chainrule as cr
        >>> linear(cr.tensor([-1.0, 2.0]), cr.tensor([[3.0, -2.0]]), cr.tensor([1.0]))
        tensor([-6.])
    """
    try:
        y = input @ weight.T
    except ShapeError:
        x, features = tuple(input.shape), weight.shape[-1]
        raise ShapeError(
            "CR101", f"Linear expects (…, {features}) but got {x}. {_repair(x, features)}"
        ) from None
    except DtypeError:
        raise DtypeError(
            "CR204",
            f"Linear has weights of type {weight.dtype}, the input is {input.dtype}; convert "
            f"it, x.to({weight.dtype})",
        ) from None
    except TypeError:
        raise ArgumentTypeError(
            "CR209",
            f"Linear takes a tensor, got {type(input).__name__}; chainrule.as_tensor(x) makes "
            "one",
        ) from None
    return y if bias is None else y + narrowed(bias)[0]


def _repair(x: tuple[int, ...], features: int) -> str:
    """The likeliest repair of an input that has not so many features."""
    if not x:
        return "The input has no features, so the layer needs a vector for each sample"
    if len(x) > 2:
        flat = math.prod(x[1:])
        needed = "" if flat == features else f", for which the layer needs in_features={flat}"
        return f"Flatten first: x.flatten(1) gives ({x[0]}, {flat}){needed}"
    if len(x) == 2 and x[0] == features:
        return f"The axes seem to be exchanged: x.T gives {(x[1], x[0])}"
    return f"The input has {x[-1]} features, so the layer needs in_features={x[-1]}"
