"""Channels exchanged for places, or for one another."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Images r times as large, whose elements come from r² channels:

        y[…, c, r i + a, r j + b] = x[…, r² c + r a + b, i, j]

    Shapes:  (…, c · r², h, w) → (…, c, h · r, w · r)
    Raises:  ArgumentError (CR541) for channels that cannot be divided by r².
    Source:  Shi et al. 2016, "Real-time single image and video super-resolution", eq. 4

    Example:
        >>> import chainrule as cr
        >>> pixel_shuffle(cr.arange(4.0).reshape(4, 1, 1), 2)
        tensor([[[0., 1.],
                 [2., 3.]]])
    """
    r = upscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise _unfit("pixel_shuffle", input, "(…, c · r², h, w)", "r", r)
    *_, channels, h, w = input.shape
    split = input.unflatten(-3, (channels // (r * r), r, r))  # (…, c, r, r, h, w)
    y = split.movedim(-4, -2).movedim(-4, -1)  # (…, c, h, r, w, r)
    return y.reshape(*input.shape[:-3], channels // (r * r), h * r, w * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: images a part as large, with r² times the channels.

    Shapes:  (…, c, h · r, w · r) → (…, c · r², h, w)
    Raises:  ArgumentError (CR541) for sizes that cannot be divided by r.
    """
    r = downscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise _unfit("pixel_unshuffle", input, "(…, c, h · r, w · r)", "r", r)
    *_, c, height, width = input.shape
    h, w = height // r, width // r
    split = input.reshape(*input.shape[:-2], h, r, w, r)
    y = split.movedim(-1, -4).movedim(-2, -4)  # (…, c, r, r, h, w)
    return y.reshape(*input.shape[:-3], c * r * r, h, w)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels dealt out: the first of each of the groups, then the second of each, and so on.

    Shapes:  (n, c, *spatial)
    Raises:  ArgumentError (CR541) for channels that cannot be divided into the groups.
    Source:  Zhang et al. 2018, "ShuffleNet", §3.1

    Example:
        >>> import chainrule as cr
        >>> channel_shuffle(cr.arange(4.0).reshape(1, 4, 1), 2).flatten()
        tensor([0., 2., 1., 3.])
    """
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise _unfit("channel_shuffle", input, "(n, g · c, *spatial)", "g", groups)
    return input.unflatten(1, (groups, -1)).transpose(1, 2).reshape(input.shape)


def _unfit(what: str, input: Tensor, expected: str, letter: str, number: int) -> ArgumentError:
    return ArgumentError(
        "CR541",
        f"{what} takes {expected} with {letter}={number}, got {tuple(input.shape)}, which "
        "cannot be divided like that",
    )
