"""Pictures of one handwritten digit, brought to the form that the digit data has."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import DataError

WORKING_SIZE = 96  # larger pictures are averaged down to this first, which takes out noise
ALWAYS_PIXELS = 2**24  # no picture of fewer is too large
MOST_PER_BYTE = 10_000  # pixels; black and white in a PNG file comes near
LEAST_CONTRAST = 0.1  # between ink and background, of full black to full white
FAINTEST_INK = 0.1  # what is fainter does not count as part of the digit
NEAR_BACKGROUND = 0.2  # pixels of the edge that differ more than this may be ink


def read_image(path: str | Path) -> np.ndarray:
    """The brightness of a picture's pixels, (h, w), from 0 (black) to 1 (white).

    Raises: DataError (CR712) for a file that is missing or no picture; (CR715) without Pillow.
    """
    image = pillow("PIL.Image")

    def upright(picture: Any) -> np.ndarray:
        return _brightness(pillow("PIL.ImageOps").exif_transpose(picture), image)

    return _opened(path, image, upright)


def read_rgb(path: str | Path) -> np.ndarray:
    """The red, green and blue of a picture's pixels, bytes (3, h, w).

    Raises: DataError (CR712) for a file that is missing or no picture; (CR715) without Pillow.
    """
    pixels = _opened(
        path, pillow("PIL.Image"), lambda picture: np.asarray(picture.convert("RGB"))
    )
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _opened(path: str | Path, image: Any, read: Callable[[Any], np.ndarray]) -> np.ndarray:
    """What `read` takes out of the picture in a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", image.DecompressionBombWarning)
            with image.open(path) as picture:
                _check_size(picture.width * picture.height, Path(path).stat().st_size)
                return read(picture)
    except (
        OSError, SyntaxError, ValueError, MemoryError, image.DecompressionBombError,
    ) as error:  # fmt: skip
        reason = getattr(error, "strerror", None) or str(error).rstrip(".") or "it is too large"
        raise DataError(
            "CR712", f"cannot read {path} as a picture: {reason}. Give a PNG or JPEG file"
        ) from None


def _check_size(pixels: int, size: int) -> None:
    """Refuse, before memory is taken for them, more pixels than a file can hold."""
    if pixels > max(ALWAYS_PIXELS, MOST_PER_BYTE * size):
        raise ValueError(f"{pixels:,} pixels in a file of {size:,} bytes")


def _brightness(picture: Any, image: Any) -> np.ndarray:
    """Grey levels; what is transparent shows white paper."""
    if picture.mode.startswith(("I", "F")):
        levels = np.asarray(picture, np.float64)
        return (levels - levels.min()) / max(np.ptp(levels), 1)
    colours = picture.convert("RGBA")
    paper = image.new("RGBA", colours.size, "white")
    return np.asarray(image.alpha_composite(paper, colours).convert("L"), np.float64) / 255


def pillow(module: str) -> Any:
    """Pillow, the optional reader of pictures, is loaded here and nowhere else."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise DataError("CR715", "reading pictures needs Pillow: pip install pillow") from None


def digit_image(brightness: np.ndarray, size: int, margin: int) -> np.ndarray:
    """The digit of a picture as ink from 0 to 1, upright in a square of `size` pixels.

    The background may be brighter or darker than the digit, and unevenly lit. The ink is cut
    out and scaled with its proportions kept; its centre of mass comes as near to the middle
    as `margin`, the empty pixels around it, allows.

    Raises: DataError (CR716) where no ink stands out.
    """
    ink = _ink(_shrunk(brightness, WORKING_SIZE))
    rows, columns = (np.flatnonzero((ink > FAINTEST_INK).any(axis)) for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = size - 2 * margin
    square = np.pad(_resized(_squared(cut), inner, inner), margin)
    return (_centred(square, margin) / square.max()).astype(np.float32)


def _ink(brightness: np.ndarray) -> np.ndarray:
    """How far each pixel stands out from the background, 0 to 1."""
    deviation = brightness - _background(brightness)
    darker, brighter = -deviation.min(), deviation.max()
    ink = deviation if brighter > darker else -deviation
    if ink.max() < LEAST_CONTRAST:
        raise DataError(
            "CR716",
            "there is no digit to be seen: the picture is evenly bright (contrast "
            f"{100 * ink.max():.0f} %). Write darker, or take a picture with more light",
        )
    return np.clip(ink / ink.max() * 1.5 - 0.25, 0, 1)  # paper to 0, middle of strokes to 1


def _background(brightness: np.ndarray) -> np.ndarray:
    """The plane through the edge of the picture, by least squares: light that fades."""
    h, w = brightness.shape
    row, column = np.indices((h, w))
    edge = (row == 0) | (row == h - 1) | (column == 0) | (column == w - 1)
    edge &= abs(brightness - np.median(brightness[edge])) <= NEAR_BACKGROUND
    plane = np.stack([np.ones((h, w)), row, column], -1)  # (h, w, 3)
    slope, *_ = np.linalg.lstsq(plane[edge], brightness[edge], rcond=None)
    return plane @ slope


def _shrunk(x: np.ndarray, longest: int) -> np.ndarray:
    """x averaged down so that no side is longer than `longest`."""
    ratio = min(1, longest / max(x.shape))
    h, w = (max(1, round(n * ratio)) for n in x.shape)
    return _resized(x, h, w)


def _squared(x: np.ndarray) -> np.ndarray:
    """x in the middle of the smallest square that holds it."""
    side = max(x.shape)
    before = [(side - n) // 2 for n in x.shape]
    return np.pad(x, [(b, side - n - b) for b, n in zip(before, x.shape, strict=True)])


def _centred(x: np.ndarray, furthest: int) -> np.ndarray:
    """x moved by whole pixels, so that its centre of mass is near its middle."""
    weight = x / x.sum()
    middle = [float((np.indices(x.shape)[axis] * weight).sum()) for axis in (0, 1)]
    steps = [round((n - 1) / 2 - m) for n, m in zip(x.shape, middle, strict=True)]
    return np.roll(x, np.clip(steps, -furthest, furthest), (0, 1))


def _resized(x: np.ndarray, h: int, w: int) -> np.ndarray:
    """Every new pixel is the mean of the area that it covers."""
    return _cover(x.shape[0], h) @ x @ _cover(x.shape[1], w).T


def _cover(old: int, new: int) -> np.ndarray:
    """The share of each old pixel in each new one along an axis, (new, old)."""
    edges = np.linspace(0, old, new + 1)
    pixel = np.arange(old)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.clip(shared, 0, None) * new / old
