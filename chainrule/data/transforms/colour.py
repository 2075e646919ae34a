"""The colours of images: brightness, contrast, saturation, hue and what else can be adjusted.

The functions on arrays take (n, c, h, w) and one factor for each image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.data.transforms.blur import smoothed
from chainrule.data.transforms.transform import brightest, on_batch, widened
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.tensor import Tensor

LUMA = np.array([0.2989, 0.587, 0.114])  # of red, green, blue; ITU-R BT.601


def blend(x: np.ndarray, other: np.ndarray | float, factor: np.ndarray) -> np.ndarray:
    """factor · x + (1 - factor) · other, kept between black and white."""
    own, rest = (_each(f, widened(x).dtype) for f in (factor, 1 - factor))
    y = np.clip(own * x + rest * other, 0, brightest(x.dtype))
    return y.astype(x.dtype)


def _each(factor: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """One number per image, as (n, 1, 1, 1)."""
    return np.asarray(factor, dtype).reshape(-1, 1, 1, 1)


def grey(x: np.ndarray, name: str = "to grey") -> np.ndarray:
    """0.2989 red + 0.587 green + 0.114 blue, (n, 1, h, w).

    Raises: ShapeError (CR750) for other than 1 or 3 channels.
    """
    _check_channels(x, name)
    if x.shape[1] == 1:
        return x
    wide = widened(x)
    y = sum(wide[:, i] * wide.dtype.type(LUMA[i]) for i in range(3))
    return np.asarray(y)[:, None].astype(x.dtype)


def _check_channels(x: np.ndarray, name: str) -> None:
    if x.shape[1] not in (1, 3):
        raise ShapeError(
            "CR750",
            f"{name} takes images of 1 channel (grey) or 3 (red, green, blue), got "
            f"{x.shape[1]}; the channels come before height and width",
        )


def _check_bytes(x: np.ndarray, name: str) -> None:
    if x.dtype != np.uint8:
        raise ArgumentError(
            "CR751", f"{name} takes bytes (uint8), got {x.dtype}; put it before ToTensor()"
        )


def bright(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Between black (0) and x (1), and beyond."""
    _check_channels(x, "adjust_brightness")
    return blend(x, 0.0, factor)


def contrasted(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Between the mean grey of the image (0) and x (1), and beyond."""
    tone = widened(grey(x, "adjust_contrast")).mean((1, 2, 3), keepdims=True)
    return blend(x, tone, factor)


def saturated(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Between the grey image (0) and x (1), and beyond."""
    if x.shape[1] == 1:
        return x
    return blend(x, grey(x, "adjust_saturation"), factor)


def hued(x: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The colours turned on the colour wheel by a share of it."""
    _check_channels(x, "adjust_hue")
    if x.shape[1] == 1:
        return x
    wide = widened(x) / np.asarray(brightest(x.dtype), widened(x).dtype)
    turned = _turned(wide, _each(shift, wide.dtype)[:, 0])
    if not np.issubdtype(x.dtype, np.integer):
        return turned.astype(x.dtype)
    return (turned * (brightest(x.dtype) + 1 - 1e-3)).astype(x.dtype)


def _turned(x: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Through hue, saturation and value and back.    Source: Smith 1978

    With r, g, b as they stand to the largest of them, v, and the smallest: the hue is where on
    the wheel of six segments they are, and each channel is v (1 - s k) with 0 ≤ k ≤ 1 falling
    and rising along the wheel.
    """
    r, g, b = x.transpose(1, 0, 2, 3)
    value, least = x.max(1), x.min(1)
    spread = value - least
    safe = np.where(spread == 0, 1, spread)
    segment = np.where(
        value == r,
        (g - b) / safe,
        np.where(value == g, 2 + (b - r) / safe, 4 + (r - g) / safe),
    )
    hue = (segment / 6 + shift) % 1  # (n, h, w)
    wheel = (np.array([5, 3, 1], x.dtype)[:, None, None] + 6 * hue[:, None]) % 6
    share = np.clip(np.minimum(wheel, 4 - wheel), 0, 1)
    return value[:, None] - spread[:, None] * share


def sharpened(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Between a smoothed image (0) and x (1), and beyond; the outermost pixels stay."""
    _check_channels(x, "adjust_sharpness")
    if min(x.shape[2:]) <= 2:
        return x
    return blend(x, smoothed(x), factor)


def inverted(x: np.ndarray) -> np.ndarray:
    """Black for white."""
    return (np.asarray(brightest(x.dtype)).astype(x.dtype) - x).astype(x.dtype)


def posterized(x: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Only the first bits of each byte."""
    _check_bytes(x, "posterize")
    mask = (256 - 2 ** (8 - np.asarray(bits, np.int64))).astype(np.uint8)
    return x & mask.reshape(-1, 1, 1, 1)


def solarized(x: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """What is as bright as the threshold or brighter inverted."""
    return np.where(x >= np.asarray(threshold).reshape(-1, 1, 1, 1), inverted(x), x)


def stretched(x: np.ndarray) -> np.ndarray:
    """Each channel from black to white."""
    wide, white = widened(x), brightest(x.dtype)
    low, high = (f((2, 3), keepdims=True) for f in (wide.min, wide.max))
    flat = high == low
    scale = white / np.where(flat, white, high - low).astype(wide.dtype)
    y = np.clip((wide - np.where(flat, 0, low)) * scale, 0, white)
    return y.astype(x.dtype)


def equalized(x: np.ndarray) -> np.ndarray:
    """Each channel such that all brightnesses are about equally frequent."""
    _check_bytes(x, "equalize")
    planes = x.reshape(-1, x.shape[2] * x.shape[3])
    return np.stack([_equal(plane) for plane in planes]).reshape(x.shape)


def _equal(plane: np.ndarray) -> np.ndarray:
    counts = np.bincount(plane, minlength=256)
    present = counts[counts != 0]
    step = present[:-1].sum() // 255
    if step == 0:
        return plane
    table = (np.cumsum(counts) + step // 2) // step
    return np.clip(np.concatenate([[0], table[:-1]]), 0, 255).astype(np.uint8)[plane]


def _adjusted(
    img: Any, factor: float, change: Callable[[np.ndarray, np.ndarray], np.ndarray], name: str
) -> Tensor:
    """All images changed by the same factor, which is not below 0."""
    if factor < 0:
        raise ArgumentError("CR751", f"{name}: the factor {factor} is below 0")
    return on_batch(img, lambda x: change(x, np.full(len(x), factor)), name)


def adjust_brightness(img: Any, brightness_factor: float) -> Tensor:
    """Brighter or darker: 0 is black, 1 the image itself, 2 twice as bright."""
    return _adjusted(img, brightness_factor, bright, "adjust_brightness")


def adjust_contrast(img: Any, contrast_factor: float) -> Tensor:
    """More or less contrast: 0 is the mean grey, 1 the image itself."""
    return _adjusted(img, contrast_factor, contrasted, "adjust_contrast")


def adjust_saturation(img: Any, saturation_factor: float) -> Tensor:
    """More or less colourful: 0 is grey, 1 the image itself."""
    return _adjusted(img, saturation_factor, saturated, "adjust_saturation")


def adjust_hue(img: Any, hue_factor: float) -> Tensor:
    """All colours turned on the colour wheel: 0 not at all, ±0.5 to the opposite colours."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ArgumentError(
            "CR751", f"adjust_hue: hue_factor={hue_factor}; give one from -0.5 to 0.5"
        )
    return on_batch(img, lambda x: hued(x, np.full(len(x), hue_factor)), "adjust_hue")


def adjust_sharpness(img: Any, sharpness_factor: float) -> Tensor:
    """Sharper or softer: 0 is smoothed, 1 the image itself."""
    return _adjusted(img, sharpness_factor, sharpened, "adjust_sharpness")


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Tensor:
    """y = gain · x^gamma, with white as 1."""
    if gamma < 0:
        raise ArgumentError("CR751", f"adjust_gamma: gamma={gamma} is below 0")

    def change(x: np.ndarray) -> np.ndarray:
        white = np.asarray(brightest(x.dtype), widened(x).dtype)
        y = np.clip(gain * (widened(x) / white) ** gamma, 0, 1)
        whole = np.issubdtype(x.dtype, np.integer)
        return (y * (white + 1 - 1e-3) if whole else y).astype(x.dtype)

    return on_batch(img, change, "adjust_gamma")


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Tensor:
    """0.2989 red + 0.587 green + 0.114 blue, in one channel or three times.

    Raises: ArgumentError (CR751) for other than 1 or 3 channels.
    """
    channels = grey_channels(num_output_channels, "rgb_to_grayscale")

    def change(x: np.ndarray) -> np.ndarray:
        return grey(x, "rgb_to_grayscale").repeat(channels, 1)

    return on_batch(img, change, "rgb_to_grayscale")


def grey_channels(count: int, name: str) -> int:
    """The number of channels of a grey image, if it can be that.

    Raises: ArgumentError (CR751)
    """
    if count not in (1, 3):
        raise ArgumentError(
            "CR751", f"{name}: num_output_channels={count}; a grey image has 1 or 3"
        )
    return count


def invert(img: Any) -> Tensor:
    """Black for white."""
    return on_batch(img, inverted, "invert")


def posterize(img: Any, bits: int) -> Tensor:
    """Only the first bits of each byte."""
    return on_batch(img, lambda x: posterized(x, np.full(len(x), bits)), "posterize")


def solarize(img: Any, threshold: float) -> Tensor:
    """What is as bright as the threshold or brighter inverted."""
    return on_batch(img, lambda x: solarized(x, np.full(len(x), threshold)), "solarize")


def autocontrast(img: Any) -> Tensor:
    """Each channel from black to white."""
    return on_batch(img, stretched, "autocontrast")


def equalize(img: Any) -> Tensor:
    """Each channel such that all brightnesses are about equally frequent."""
    return on_batch(img, equalized, "equalize")
