"""Regularization by noise: some activations left out at random."""

from __future__ import annotations

from chainrule.errors import ArgumentError, ShapeError
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
    return _dropped(input, _channels(input, 1), p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of images (n, c, h, w) or (c, h, w) left out; see dropout.

    Source:  Tompson et al. 2015, "Efficient object localization using convolutional networks"
    """
    return _dropped(input, _channels(input, 2), p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of volumes (n, c, d, h, w) or (c, d, h, w) left out; see dropout."""
    return _dropped(input, _channels(input, 3), p, training, inplace)


def check_probability(p: float) -> float:
    """p, if it is a probability; else ArgumentError (CR526)."""
    if not 0 <= p <= 1:
        raise ArgumentError("CR526", f"dropout takes a probability from 0 to 1, got p={p}")
    return p


def _channels(input: Tensor, spatial: int) -> tuple[int, ...]:
    """The shape of a mask with one element for each channel."""
    if input.ndim not in (spatial + 1, spatial + 2):
        raise ShapeError(
            "CR110",
            f"dropout{spatial}d takes (n, channels, *spatial) or (channels, *spatial) with "
            f"{spatial} spatial axes, got {tuple(input.shape)}",
        )
    return (*input.shape[:-spatial], *[1] * spatial)


def _dropped(
    input: Tensor, mask: tuple[int, ...], p: float, training: bool, inplace: bool
) -> Tensor:
    check_probability(p)
    if not training or p == 0:
        return input
    kept = default_generator.uniform(mask) >= p
    y = input * (kept.to(input.dtype) * (1 / (1 - p) if p < 1 else 0))
    return input._assign(y, "inplace=True") if inplace else y
