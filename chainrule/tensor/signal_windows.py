"""Windows that a stretch of a signal is multiplied with before its spectrum is taken.

Each has `window_length` numbers. A periodic one is the first part of a symmetric one that is
one number longer, as spectra want it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.device import resolve_device
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, DtypeError
from chainrule.tensor.tensor import Tensor


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """wᵢ = ½ - ½ cos(2π i / n)

    Example:
        >>> import chainrule as cr
        >>> cr.hann_window(4)
        tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window(window_length, periodic, _cosines(0.5, 0.5), dtype, device, requires_grad)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
    dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """wᵢ = α - β cos(2π i / n)"""
    shape = _cosines(alpha, beta)
    return _window(window_length, periodic, shape, dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """wᵢ = 0.42 - 0.5 cos(2π i / n) + 0.08 cos(4π i / n)"""
    shape = _cosines(0.42, 0.5, 0.08)
    return _window(window_length, periodic, shape, dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A triangle:  wᵢ = 1 - |2 i / n - 1|"""
    return _window(window_length, periodic, _triangle, dtype, device, requires_grad)


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *,
    dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """wᵢ = I₀(β √(1 - (2 i / n - 1)²)) / I₀(β)"""

    def bell(at: np.ndarray) -> np.ndarray:
        inside = np.sqrt(np.clip(1 - (2 * at - 1) ** 2, 0, None))
        return np.i0(beta * inside) / np.i0(beta)

    return _window(window_length, periodic, bell, dtype, device, requires_grad)


def _cosines(*weights: float) -> Callable[[np.ndarray], np.ndarray]:
    def shape(at: np.ndarray) -> np.ndarray:
        signed = [(-1) ** k * w * np.cos(2 * math.pi * k * at) for k, w in enumerate(weights)]
        return np.sum(signed, axis=0)

    return shape


def _triangle(at: np.ndarray) -> np.ndarray:
    return 1 - np.abs(2 * at - 1)


def _window(
    length: int,
    periodic: bool,
    shape: Callable[[np.ndarray], np.ndarray],
    dtype: Dtype | None,
    device: Any,
    requires_grad: bool,
) -> Tensor:
    """`shape` at i / n for i from 0 to length - 1; n is length if periodic, else one less."""
    resolve_device(device)
    if length < 0:
        raise ArgumentError("CR902", f"a window has 0 numbers or more, got {length}")
    kind = settings.defaults.float_dtype if dtype is None else dtypes.numpy_of(dtype)
    if not dtypes.is_float(kind):
        raise DtypeError("CR203", f"a window needs a floating type, got {dtype}")
    n = length if periodic else length - 1
    values = shape(np.arange(length) / n) if length > 1 else np.ones(length)
    y = Tensor._of(dtypes.cast(values, kind))
    return y.requires_grad_() if requires_grad else y
