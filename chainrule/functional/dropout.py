"""Regularization by noise: some activations left out at random."""

from __future__ import annotations

import math
import warnings

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.activation import SELU_ALPHA, SELU_SCALE, stored
from chainrule.functional.spatial import check_spatial
from chainrule.tensor.generator import default_generator
from chainrule.tensor.tensor import Tensor


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Each element left out with probability p  y = x m / (1 - p),  m ~ Bernoulli(1 - p).

    Args:    training: outside training y = x.
    Raises:  ArgumentError (CR526) for a p that is no probability.
    Notes:   dividing by 1 - p keeps the mean, so that nothing is to be done at test time.
    Source:  Srivastava et al. 2014, "Dropout"
    """
    return _dropped(input, tuple(input.shape), p, training, inplace)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of signals (n, c, t) or (c, t) left out; see dropout."""
    check_spatial("dropout1d", input, 1)
    return _dropped(input, _by_channel(input, input.ndim - 1), p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of images (n, c, h, w) left out; see dropout.

    Notes:   axis 1 is taken for the channels of an input with other axes too, with a warning.
    Source:  Tompson et al. 2015, "Efficient object localization using convolutional networks"
    """
    _check_channels("dropout2d", input)
    if input.ndim != 4:
        warnings.warn(
            f"dropout2d is for images (n, c, h, w); of an input {tuple(input.shape)} axis 1 is "
            "taken for the channels",
            stacklevel=2,
        )
    return _dropped(input, _by_channel(input, 2), p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of volumes (n, c, d, h, w) or (c, d, h, w) left out; see dropout."""
    check_spatial("dropout3d", input, 3)
    return _dropped(input, _by_channel(input, input.ndim - 3), p, training, inplace)


def check_probability(p: float) -> float:
    """p, if it is a probability; else ArgumentError (CR526)."""
    if not 0 <= p <= 1:
        raise ArgumentError("CR526", f"dropout takes a probability from 0 to 1, got p={p}")
    return p


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Each element set to what selu gives at -∞ with probability p; mean and variance stay.

    y = a (x m + α' (1 - m)) + b,  m ~ Bernoulli(1 - p), α' = -s α of selu,
    a = 1 / √((1 - p) (1 + p α'²)), b = -a α' p

    Raises:  ArgumentError (CR526) for a p that is no probability.
    Source:  Klambauer et al. 2017, "Self-normalizing neural networks"
    """
    return _set_low(input, tuple(input.shape), p, training, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Whole channels of (n, c, …) set to what selu gives at -∞; see alpha_dropout."""
    _check_channels("feature_alpha_dropout", input)
    return _set_low(input, _by_channel(input, 2), p, training, inplace)


def _check_channels(what: str, input: Tensor) -> None:
    if input.ndim < 2:
        raise ShapeError("CR110", f"{what} takes (n, channels, …), got {tuple(input.shape)}")


def _by_channel(input: Tensor, leading: int) -> tuple[int, ...]:
    """The shape of a mask that is one number on all axes but the leading ones."""
    return (*input.shape[:leading], *[1] * (input.ndim - leading))


def _set_low(
    input: Tensor, mask: tuple[int, ...], p: float, training: bool, inplace: bool
) -> Tensor:
    check_probability(p)
    if not training or p == 0:
        return input
    low = -SELU_SCALE * SELU_ALPHA
    kept = (default_generator.uniform(mask) >= p).to(input.dtype)
    scale = 1 / math.sqrt((1 - p) * (1 + p * low * low)) if p < 1 else 0.0
    y = input * (kept * scale) + ((1 - kept) * (low * scale) - scale * low * p)
    return stored(input, y, inplace)


def _dropped(
    input: Tensor, mask: tuple[int, ...], p: float, training: bool, inplace: bool
) -> Tensor:
    check_probability(p)
    if not training or p == 0:
        return input
    kept = default_generator.uniform(mask) >= p
    y = input * (kept.to(input.dtype) * (1 / (1 - p) if p < 1 else 0))
    return stored(input, y, inplace)
