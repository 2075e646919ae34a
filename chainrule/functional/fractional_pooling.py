"""Fractional max pooling: windows at random distances, so that axes shrink by any factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.pooling import constant, elements
from chainrule.functional.spatial import Sizes, batched, check_spatial, per_axis, repeated
from chainrule.tensor.creation import rand
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.tensor import Tensor

Ratios = float | Sequence[float]


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The largest element of windows whose distances are random, 1 or more by turns.

    Window i of m along an axis of n starts at  ⌊α (i + u)⌋ - ⌊α u⌋  with  α = (n - k) / (m - 1)
    and one random u in [0, 1) for each axis of each channel; the last one ends with the axis.

    Args:
        output_size: m, a number for both axes or one for each, or
        output_ratio: m / n, between 0 and 1.
        return_indices: also where the largest elements are, in the flattened image.
        _random_samples: the u (n, c, 2), of the last axis first.

    Shapes:  input (n, c, h, w) or (c, h, w)
    Raises:  ArgumentError CR545; ShapeError CR110, CR116.
    Source:  Graham 2014, "Fractional max-pooling", §2.1 (pseudorandom, overlapping)
    """
    return fractional_max_pool(
        2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The largest element of windows at random distances in a volume.

    As fractional_max_pool2d, but the u are those of the first axis first.
    """
    return fractional_max_pool(
        3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """fractional_max_pool2d, and where its elements are in the flattened image."""
    return fractional_max_pool(
        2, input, kernel_size, output_size, output_ratio, True, _random_samples
    )


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """fractional_max_pool3d, and where its elements are in the flattened volume."""
    return fractional_max_pool(
        3, input, kernel_size, output_size, output_ratio, True, _random_samples
    )


def fractional_max_pool(
    spatial: int,
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None,
    output_ratio: Ratios | None,
    return_indices: bool,
    samples: Tensor | None,
) -> Any:
    """Fractional pooling over `spatial` axes; fractional_max_pool2d says what it is."""
    check_spatial(f"fractional_max_pool{spatial}d", input, spatial)
    images = batched(input, spatial)
    kernel = per_axis(kernel_size, spatial)
    sizes = _output_sizes(images, kernel, output_size, output_ratio)
    if samples is None:
        samples = rand(*images.shape[:2], spatial, dtype=images.dtype)
    if tuple(samples.shape) != (*images.shape[:2], spatial):
        raise ArgumentError(
            "CR545",
            f"fractional_max_pool{spatial}d: the random samples have one number for each axis "
            f"of each channel, {(*images.shape[:2], spatial)}, got {tuple(samples.shape)}",
        )
    by_axis = samples.detach().unbind(-1)  # each (n, c)
    places = _places(images, kernel, sizes, by_axis[::-1] if spatial == 2 else by_axis)
    seen = images.detach().flatten(2).gather(2, places.flatten(2)).reshape(places.shape)
    largest = seen.argmax(-1, keepdim=True)
    return elements(input, images, places.gather(-1, largest).squeeze(-1), return_indices)


def _places(
    images: Tensor, kernel: tuple[int, ...], sizes: tuple[int, ...], samples: Sequence[Tensor]
) -> Tensor:
    """What each window sees, in the flattened images: (n, c, *windows, taps)"""
    spatial = len(kernel)
    flat: Any = 0
    axes = zip(images.shape[2:], kernel, sizes, samples, strict=True)
    for i, (n, k, m, u) in enumerate(axes):
        starts = _starts(n, k, m, u)  # (n, c, m)
        own = (*starts.shape[:2], *_alone(i, spatial, m), *(1,) * spatial)
        taps = Tensor._of(np.arange(k)).reshape(_alone(i, spatial, k))
        flat = flat * n + starts.reshape(own) + taps
    return flat.flatten(-spatial)


def _alone(i: int, spatial: int, size: int) -> tuple[int, ...]:
    """The shape in which only axis i is longer than 1."""
    return tuple([size if axis == i else 1 for axis in range(spatial)])


def _starts(n: int, k: int, m: int, u: Tensor) -> Tensor:
    """Where the m windows of an axis begin: (n, c) → (n, c, m)"""
    last = Tensor._of(np.full((*u.shape, 1), n - k))
    if m == 1:
        return last
    alpha = (n - k) / (m - 1)
    u = u.unsqueeze(-1)
    steps = constant(np.arange(m - 1.0), u)
    starts = ((steps + u) * alpha).trunc() - (u * alpha).trunc()
    return cat([starts.long(), last], -1)


def _output_sizes(
    images: Tensor,
    kernel: tuple[int, ...],
    output_size: Sizes | None,
    output_ratio: Ratios | None,
) -> tuple[int, ...]:
    spatial, old = len(kernel), images.shape[2:]
    check_choice(f"fractional_max_pool{spatial}d", spatial, output_size, output_ratio)
    if output_ratio is None or output_size is not None:
        sizes = per_axis(output_size or 0, spatial)
    else:
        ratios = repeated(output_ratio, spatial)
        sizes = tuple([int(n * ratio) for n, ratio in zip(old, ratios, strict=True)])
    fits = [m >= 1 and m + k - 1 <= n for n, k, m in zip(old, kernel, sizes, strict=True)]
    if not all(fits):
        raise ShapeError(
            "CR116",
            f"fractional_max_pool{spatial}d: an input {tuple(images.shape)} does not hold "
            f"{sizes} different windows of {kernel}; ask for fewer, or make them smaller",
        )
    return sizes


def check_choice(
    what: str, spatial: int, output_size: Sizes | None, output_ratio: Ratios | None
) -> None:
    """Raises ArgumentError (CR545) unless there is a size, or ratios between 0 and 1."""
    if output_size is None and output_ratio is None:
        raise ArgumentError(
            "CR545", f"{what}: say how much remains, output_size or output_ratio"
        )
    if output_ratio is not None:
        ratios = repeated(output_ratio, spatial)
        if len(ratios) != spatial or not all(0 < ratio < 1 for ratio in ratios):
            raise ArgumentError(
                "CR545",
                f"{what}: output_ratio={output_ratio}: expected a part between 0 and 1, or one "
                f"for each of the {spatial} spatial axes",
            )
