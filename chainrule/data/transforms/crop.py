"""Parts of images, and images with a border."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.data.transforms.flip import hflip, vflip
from chainrule.data.transforms.transform import Transform, on_batch, size_pair
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.generator import Generator
from chainrule.tensor.tensor import Tensor

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def pad(
    img: Any, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant"
) -> Tensor:
    """The images with a border.

    Args:
        padding: pixels on every side; or (left and right, top and bottom); or (left, top,
            right, bottom).
        fill: the value of a constant border; one number or one for each channel.
        padding_mode: constant; edge (the outermost pixels repeated), reflect (mirrored without
            them) or symmetric (mirrored with them).

    Raises: ArgumentError (CR751)

    Example:
        >>> import chainrule as cr
        >>> pad(cr.ones(1, 1, 1), (1, 0))
        tensor([[[0., 1., 0.]]])
    """
    return on_batch(img, lambda x: padded(x, padding, fill, padding_mode), "pad")


def padded(x: np.ndarray, padding: Any, fill: Any, mode: str) -> np.ndarray:
    """The array (n, c, h, w) with a border."""
    left, top, right, bottom = _sides(padding)
    if mode not in PADDING_MODES:
        raise ArgumentError(
            "CR751", f"padding_mode={mode!r} is none of {', '.join(PADDING_MODES)}"
        )
    widths = ((0, 0), (0, 0), (top, bottom), (left, right))
    if mode != "constant":
        rows, columns = (n - (mode == "reflect") for n in x.shape[2:])
        if mode != "edge" and (max(left, right) > columns or max(top, bottom) > rows):
            raise ArgumentError(
                "CR751",
                f"padding={padding} is more than an image of {x.shape[2]} x {x.shape[3]} "
                f"pixels can mirror ({mode}); pad less, or with padding_mode='edge'",
            )
        return np.pad(x, widths, mode)  # type: ignore[call-overload]
    h, w = x.shape[2:]
    y = np.empty((*x.shape[:2], h + top + bottom, w + left + right), x.dtype)
    y[:] = channel_values(fill, x.shape[1])
    y[:, :, top : top + h, left : left + w] = x
    return y


def _sides(padding: Any) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    sides: Any = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(sides) not in (1, 2, 4) or min(sides) < 0:
        raise ArgumentError(
            "CR751",
            f"padding={padding!r}: give pixels for all sides, (left and right, top and bottom) "
            "or (left, top, right, bottom), none below 0",
        )
    if len(sides) < 4:
        sides = (sides[0], sides[-1]) * 2
    return sides


def channel_values(fill: Any, channels: int) -> np.ndarray:
    """A colour as an array (c, 1, 1); one number is all its channels.

    Raises: ArgumentError (CR751) for another number of values.
    """
    values = np.atleast_1d(np.asarray(0 if fill is None else fill))
    if values.ndim != 1 or len(values) not in (1, channels):
        raise ArgumentError(
            "CR751",
            f"fill={fill!r} for images of {channels} channels; give one number, or one for "
            "each channel",
        )
    return values[:, None, None]


def crop(img: Any, top: int, left: int, height: int, width: int) -> Tensor:
    """The part of that height and width whose upper left pixel is (top, left); 0 outside.

    Raises: ArgumentError (CR751) for a height or width below 1.
    """
    size_pair((height, width), "crop")
    return on_batch(img, lambda x: cut(x, top, left, height, width), "crop")


def cut(x: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """The part of an array (n, c, h, w), with zeros where it reaches outside."""
    inside = x[:, :, max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if inside.shape[2:] == (height, width):
        return inside
    y = np.zeros((*x.shape[:2], height, width), x.dtype)
    row, column = max(-top, 0), max(-left, 0)
    y[:, :, row : row + inside.shape[2], column : column + inside.shape[3]] = inside
    return y


def center_crop(img: Any, output_size: int | Sequence[int]) -> Tensor:
    """The middle part of that size; 0 around images that are smaller.

    Example:
        >>> import chainrule as cr
        >>> center_crop(cr.arange(9).reshape(1, 3, 3), 1)
        tensor([[[4]]])
    """
    height, width = size_pair(output_size, "center_crop")
    return on_batch(img, lambda x: _middle(x, height, width), "center_crop")


def _middle(x: np.ndarray, height: int, width: int) -> np.ndarray:
    h, w = x.shape[2:]
    if height > h or width > w:  # as much before as after, the odd pixel after
        border = [max(n - m, 0) for n, m in ((width, w), (height, h))]
        sides = (border[0] // 2, border[1] // 2, (border[0] + 1) // 2, (border[1] + 1) // 2)
        x = padded(x, sides, 0, "constant")
        h, w = x.shape[2:]
    return cut(x, round((h - height) / 2), round((w - width) / 2), height, width)


def five_crop(img: Any, size: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The four corners, upper left, upper right, lower left, lower right, and the middle.

    Raises: ShapeError (CR750) for images smaller than the parts.
    """
    height, width = size_pair(size, "five_crop")

    def part(bottom: bool, right: bool) -> Tensor:
        def corner(x: np.ndarray) -> np.ndarray:
            h, w = _fitting(x, height, width, "five_crop")
            return cut(x, bottom * (h - height), right * (w - width), height, width)

        return on_batch(img, corner, "five_crop")

    corners = [part(bottom, right) for bottom in (False, True) for right in (False, True)]
    return (*corners, center_crop(img, size))


def ten_crop(
    img: Any, size: int | Sequence[int], vertical_flip: bool = False
) -> tuple[Tensor, ...]:
    """five_crop of the image and of its mirror image."""
    return (*five_crop(img, size), *five_crop((vflip if vertical_flip else hflip)(img), size))


def _fitting(x: np.ndarray, height: int, width: int, name: str) -> tuple[int, int]:
    """Height and width of images that are large enough."""
    h, w = x.shape[2:]
    if height > h or width > w:
        raise ShapeError(
            "CR750",
            f"{name}: a part of {height} x {width} of images of {h} x {w} pixels; resize them "
            "first, or pad them (RandomCrop: padding=, pad_if_needed=True)",
        )
    return h, w


class Pad(Transform):
    """The images with a border; arguments as for pad()."""

    def __init__(
        self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant"
    ) -> None:
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def _batch(self, x: np.ndarray) -> np.ndarray:
        return padded(x, self.padding, self.fill, self.padding_mode)


class CenterCrop(Transform):
    """The middle part of that size; 0 around images that are smaller."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = size_pair(size, "CenterCrop")

    def _batch(self, x: np.ndarray) -> np.ndarray:
        return _middle(x, *self.size)


class RandomCrop(Transform):
    """A part of that size, at a place drawn anew for each image.

    Args:
        size: height and width, or one number for both.
        padding: a border that is put around first; see pad().
        pad_if_needed: put a border around images that are too small.
        fill, padding_mode: of the border; see pad().

    Raises: ShapeError (CR750) for images smaller than the part; ArgumentError (CR751).

    Example:
        >>> import chainrule as cr
        >>> RandomCrop(32, padding=4)(cr.rand(128, 3, 32, 32)).shape
        chainrule.Size([128, 3, 32, 32])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
        *,
        generator: Generator | None = None,
    ) -> None:
        self.size = size_pair(size, "RandomCrop")
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode
        self.generator = generator

    def _batch(self, x: np.ndarray) -> np.ndarray:
        height, width = self.size
        if self.padding is not None:
            x = padded(x, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            more = [max(n - m, 0) for n, m in ((width, x.shape[3]), (height, x.shape[2]))]
            x = padded(x, more, self.fill, self.padding_mode)
        h, w = _fitting(x, height, width, "RandomCrop")
        places = self._uniform(len(x), 2) * [h - height + 1, w - width + 1]
        top, left = places.astype(np.intp).T
        windows = sliding_window_view(x, (height, width), (2, 3))
        return windows[np.arange(len(x)), :, top, left]


class FiveCrop(Transform):
    """The four corners and the middle, as a tuple."""

    batched = False

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = size_pair(size, "FiveCrop")

    def __call__(self, img: Any) -> tuple[Tensor, ...]:
        return five_crop(img, self.size)


class TenCrop(Transform):
    """The four corners and the middle of the image and of its mirror image, as a tuple."""

    batched = False

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        self.size = size_pair(size, "TenCrop")
        self.vertical_flip = vertical_flip

    def __call__(self, img: Any) -> tuple[Tensor, ...]:
        return ten_crop(img, self.size, self.vertical_flip)
