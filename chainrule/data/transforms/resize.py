"""Images in another size."""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms.crop import cut
from chainrule.data.transforms.ranges import (
    ATTEMPTS,
    checked_range,
    drawn_places,
    drawn_sides,
)
from chainrule.data.transforms.transform import (
    Transform,
    on_batch,
    rounded,
    size_pair,
    widened,
)
from chainrule.errors import ArgumentError
from chainrule.tensor.generator import Generator
from chainrule.tensor.tensor import Tensor


class InterpolationMode(enum.Enum):
    """How values between pixels are found."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


EVERY_MODE = tuple(mode.value for mode in InterpolationMode)


def mode_of(interpolation: Any, allowed: Sequence[str], name: str) -> str:
    """The interpolation by its name.

    Raises: ArgumentError (CR751) for one that is not allowed here.
    """
    mode = getattr(interpolation, "value", interpolation)
    if mode not in allowed:
        raise ArgumentError(
            "CR751",
            f"{name}: interpolation={interpolation!r} is not to be had; choose "
            f"{', '.join(allowed)}",
        )
    return mode


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Tensor:
    """The images in another size.

    y = R x Cᵀ, where row i of R and C says which old pixels make new pixel i: the two nearest
    (bilinear), the four nearest (bicubic), or with antialias all that it covers when shrinking.

    Args:
        size: height and width; one number is the shorter side, and the proportions stay.
        max_size: with one number: what the longer side may have at most.

    Raises: ArgumentError (CR751)

    Source: Keys 1981, Cubic convolution interpolation for digital image processing

    Example:
        >>> import chainrule as cr
        >>> resize(cr.arange(4.0).reshape(1, 1, 4), (1, 2))
        tensor([[[0.7143, 2.2857]]])
    """
    new = _Size(size, max_size, "resize")
    mode = mode_of(interpolation, EVERY_MODE, "resize")
    return on_batch(
        img, lambda x: resampled(x, new.of(*x.shape[2:]), mode, bool(antialias)), "resize"
    )


class _Size:
    """A wanted size: (h, w), or the shorter side with a bound for the longer one."""

    def __init__(self, size: Any, max_size: int | None, name: str) -> None:
        self.height, self.width = size_pair(size, name)
        self.short = isinstance(size, int) or len(size) == 1
        self.max_size = max_size
        if max_size is not None and (not self.short or max_size <= self.height):
            raise ArgumentError(
                "CR751",
                f"{name}: max_size={max_size} bounds the longer side where size is one number "
                f"below it, got size={size!r}",
            )

    def of(self, h: int, w: int) -> tuple[int, int]:
        """The new height and width of an image of h x w."""
        if not self.short:
            return self.height, self.width
        short, long = self.height, int(self.height * max(h, w) / min(h, w))
        if self.max_size is not None and long > self.max_size:
            short, long = int(self.max_size * short / long), self.max_size
        return (short, long) if h <= w else (long, short)


def resampled(x: np.ndarray, size: tuple[int, int], mode: str, antialias: bool) -> np.ndarray:
    """The array (n, c, h, w) in another height and width."""
    if x.shape[2:] == size:
        return x
    (h, w), (rows, columns) = x.shape[2:], size
    if mode.startswith("nearest"):
        shift = 0.5 if mode == "nearest-exact" else 0.0
        i, j = (
            np.minimum((np.arange(new) + shift) * (old / new), old - 1).astype(np.intp)
            for new, old in ((rows, h), (columns, w))
        )
        return x[:, :, i[:, None], j]
    y = widened(x)
    if columns != w:
        y = y @ weights(w, columns, mode, antialias, y.dtype).T
    if rows != h:
        y = weights(h, rows, mode, antialias, y.dtype) @ y
    return rounded(y, x.dtype)


@functools.lru_cache(256)
def weights(old: int, new: int, mode: str, antialias: bool, dtype: np.dtype) -> np.ndarray:
    """The share of each old pixel in each new one along an axis, (new, old)."""
    scale = old / new
    middle = (np.arange(new) + 0.5) * scale - 0.5
    if antialias:
        distance = (np.arange(old) - middle[:, None]) / max(scale, 1)
        share = _triangle(distance) if mode == "bilinear" else _cubic(distance, -0.5)
        share /= share.sum(1, keepdims=True)
    else:
        share = _from_neighbours(old, middle, mode)
    return share.astype(dtype)


def _from_neighbours(old: int, middle: np.ndarray, mode: str) -> np.ndarray:
    """Shares of the nearest pixels only; the edge stands for what lies beyond it."""
    if mode == "bilinear":
        inside = np.clip(middle, 0, old - 1)
        return _triangle(np.arange(old) - inside[:, None])
    share = np.zeros((len(middle), old))
    for step in (-1, 0, 1, 2):
        pixel = np.floor(middle) + step
        at = np.clip(pixel, 0, old - 1).astype(np.intp)
        share[np.arange(len(middle)), at] += _cubic(pixel - middle, -0.75)
    return share


def _triangle(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1 - abs(distance), 0)


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel: 1 at 0, 0 at all other whole numbers and from 2 on."""
    d = abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Tensor:
    """A part of the images (see crop) in another size (see resize)."""
    new = _Size(size, None, "resized_crop")
    mode = mode_of(interpolation, EVERY_MODE, "resized_crop")

    def change(x: np.ndarray) -> np.ndarray:
        part = cut(x, top, left, height, width)
        return resampled(part, new.of(height, width), mode, bool(antialias))

    return on_batch(img, change, "resized_crop")


class Resize(Transform):
    """The images in another size; arguments as for resize().

    Example:
        >>> import chainrule as cr
        >>> Resize(8)(cr.rand(3, 16, 32)).shape
        chainrule.Size([3, 8, 16])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        self.size = size
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias
        _Size(size, max_size, "Resize")
        mode_of(interpolation, EVERY_MODE, "Resize")

    def __call__(self, img: Any) -> Tensor:
        return resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class RandomResizedCrop(Transform):
    """A part of random size, shape and place, brought to one size; anew for each image.

    Args:
        size: the new height and width, or one number for both.
        scale: from which to which share of the image's area the part has.
        ratio: from which to which width per height it has, evenly on a logarithmic scale.

    Raises: ArgumentError (CR751)

    Source: Szegedy et al. 2015, Going deeper with convolutions, section 6
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
        *,
        generator: Generator | None = None,
    ) -> None:
        self.size = size_pair(size, "RandomResizedCrop")
        self.scale = checked_range(scale, "RandomResizedCrop: scale")
        self.ratio = checked_range(ratio, "RandomResizedCrop: ratio")
        self.interpolation = interpolation
        self.antialias = antialias
        self.generator = generator
        self._mode = mode_of(interpolation, EVERY_MODE, "RandomResizedCrop")

    def _batch(self, x: np.ndarray) -> np.ndarray:
        windows = self._windows(len(x), *x.shape[2:])
        parts = [
            resampled(x[i : i + 1, :, t : t + h, k : k + w], self.size, self._mode,
                      bool(self.antialias))
            for i, (t, k, h, w) in enumerate(windows.tolist())
        ]  # fmt: skip
        return (
            np.concatenate(parts) if parts else np.empty((0, x.shape[1], *self.size), x.dtype)
        )

    def _windows(self, n: int, h: int, w: int) -> np.ndarray:
        """(n, 4): top, left, height and width, the first of ten attempts that fits."""
        u = self._uniform(n, ATTEMPTS, 4)
        height, width = drawn_sides(u, h * w, self.scale, self.ratio)
        fits = (height > 0) & (height <= h) & (width > 0) & (width <= w)
        top, left = drawn_places(u[..., 2], h, height), drawn_places(u[..., 3], w, width)
        windows = np.stack([top, left, height, width], -1)
        chosen = windows[np.arange(n), fits.argmax(1)]
        chosen[~fits.any(1)] = self._middle(h, w)
        return chosen.astype(np.intp)

    def _middle(self, h: int, w: int) -> tuple[int, int, int, int]:
        """The largest part in the middle with an allowed shape."""
        low, high = self.ratio
        height, width = h, w
        if w / h < low:
            height = round(w / low)
        elif w / h > high:
            width = round(h * high)
        return (h - height) // 2, (w - width) // 2, height, width
