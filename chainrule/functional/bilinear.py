"""The bilinear map."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.tensor.tensor import Tensor


def bilinear(
    input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """y[o] = x₁ᵀ W[o] x₂ + b[o]

    Shapes:  input1 (…, d₁), input2 (…, d₂) with equal axes before, weight (o, d₁, d₂),
        bias (o,) → (…, o)
    Raises:  ShapeError (CR101) for other shapes.

    Example:
        >>> import chainrule as cr
        >>> bilinear(cr.ones(1, 2), cr.ones(1, 3), cr.ones(1, 2, 3))
        tensor([[6.]])
    """
    out, d1, d2 = weight.shape
    before = input1.shape[:-1]
    if input2.shape[:-1] != before or (input1.shape[-1:], input2.shape[-1:]) != ((d1,), (d2,)):
        raise ShapeError(
            "CR101",
            f"bilinear expects (…, {d1}) and (…, {d2}) but got {tuple(input1.shape)} and "
            f"{tuple(input2.shape)}",
        )
    x1, x2 = input1.reshape(-1, d1), input2.reshape(-1, d2)
    by_first = x1 @ weight.transpose(0, 1).reshape(d1, out * d2)  # (n, o · d₂)
    y = (by_first.reshape(-1, out, d2) @ x2.unsqueeze(2)).reshape(*before, out)
    return y if bias is None else y + bias
