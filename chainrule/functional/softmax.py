"""Softmax and its relatives: numbers turned into probabilities."""

from __future__ import annotations

import warnings

from chainrule.dtypes import dtype as Dtype
from chainrule.tensor.tensor import Tensor


def softmax(input: Tensor, dim: int | None = None, *, dtype: Dtype | None = None) -> Tensor:
    """Probabilities along `dim`  y = eˣ / Σ eˣ.

    Args:    dtype: the type to compute in.
    Notes:   the largest x is subtracted first, which changes nothing but the size of eˣ.
    Source:  Goodfellow et al. 2016, §6.2.2.3

    Example:
        >>> import chainrule as cr
        >>> softmax(cr.tensor([1.0, 1.0, 1000.0, 1000.0]), dim=0)
        tensor([0.0000, 0.0000, 0.5000, 0.5000])
    """
    along = _implicit(input, "softmax") if dim is None else dim
    return input.softmax(along, dtype)


def softmin(input: Tensor, dim: int | None = None, *, dtype: Dtype | None = None) -> Tensor:
    """Probabilities that favour small numbers  y = e⁻ˣ / Σ e⁻ˣ."""
    return softmax(-input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Dtype | None = None) -> Tensor:
    """Log-probabilities along `dim`  y = x - ln Σ eˣ.

    Notes:  more exact than the logarithm of softmax, which is -inf where eˣ rounds to 0.
    """
    along = _implicit(input, "log_softmax") if dim is None else dim
    return input.log_softmax(along, dtype)


def _implicit(input: Tensor, name: str) -> int:
    """The axis of the classes as PyTorch guesses it where the program does not name it."""
    dim = 0 if input.ndim in (0, 1, 3) else 1
    warnings.warn(
        f"{name} without dim: dim={dim} is taken for an input {tuple(input.shape)}. Say which "
        f"axis holds the classes, {name}(x, dim={dim})",
        stacklevel=3,
    )
    return dim
