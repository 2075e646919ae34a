"""Gradients kept from growing too large."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from chainrule.errors import GradientError
from chainrule.tensor.creation import zeros
from chainrule.tensor.functions.joining import stack
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

Parameters = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by min(1, max_norm / (‖g‖ + 10⁻⁶)), g all gradients together.

    Returns ‖g‖, the norm before.

    Args:
        norm_type: which norm; inf is the largest element
        error_if_nonfinite: raise where the norm is nan or inf
        foreach: accepted for programs written for PyTorch

    Raises: GradientError (CR532).
    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent networks"
    """
    learned = _with_gradient(parameters)
    total = get_total_norm([p.grad for p in learned], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(learned, max_norm, total)
    return total


def clip_grads_with_norm_(
    parameters: Parameters, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by min(1, max_norm / (total_norm + 10⁻⁶)).

    Args: foreach: accepted for programs written for PyTorch
    """
    with no_grad():
        scale = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
        for p in _with_gradient(parameters):
            # a new tensor: two parameters may share one gradient
            p.grad = p.grad * scale.to(p.grad.dtype)


def clip_grad_norm(parameters: Parameters, max_norm: float, norm_type: float = 2.0) -> Tensor:
    """An older name of clip_grad_norm_."""
    warnings.warn("clip_grad_norm is an older name; call clip_grad_norm_", stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type)


def clip_grad_value_(
    parameters: Parameters, clip_value: float, foreach: bool | None = None
) -> None:
    """Bring every element of the gradients into the range ± clip_value.

    Args: foreach: accepted for programs written for PyTorch
    """
    with no_grad():
        for p in _with_gradient(parameters):
            p.grad = p.grad.clamp(-clip_value, clip_value)


def get_total_norm(
    tensors: Parameters,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors together, as of one vector.

    Args:   as in clip_grad_norm_.
    Raises: GradientError (CR532).

    Example:
        >>> import chainrule as cr
        >>> get_total_norm([cr.tensor([3.0, 0.0]), cr.tensor(4.0)])
        tensor(5.)
    """
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not listed:
        return zeros(())
    with no_grad():
        total = stack([x.norm(norm_type) for x in listed]).norm(norm_type)
    if error_if_nonfinite and not total.isfinite():
        raise GradientError(
            "CR532",
            f"the norm of the gradients is {total.item()}; look for the first batch whose loss "
            "is not finite, or lower the learning rate (error_if_nonfinite=False goes on)",
        )
    return total


def _with_gradient(parameters: Parameters) -> list[Any]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p for p in listed if p.grad is not None]
