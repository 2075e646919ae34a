"""Random changes of colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms import colour
from chainrule.data.transforms.ranges import between
from chainrule.data.transforms.transform import RandomTransform, Transform, apply_to
from chainrule.errors import ArgumentError
from chainrule.tensor.generator import Generator

CHANGES = (colour.bright, colour.contrasted, colour.saturated, colour.hued)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Args:
        brightness, contrast, saturation: a factor is drawn from [max(0, 1 - v), 1 + v], or
            from (lowest, highest); 0 changes nothing.
        hue: a share of the colour wheel is drawn from [-v, v], or from (lowest, highest),
            within ±0.5.

    Raises: ArgumentError (CR751)

    Example:
        >>> import chainrule as cr
        >>> ColorJitter(0.4, 0.4, 0.4, 0.1)(cr.rand(8, 3, 32, 32)).shape
        chainrule.Size([8, 3, 32, 32])
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _hues(hue)
        self.generator = generator

    def _batch(self, x: np.ndarray) -> np.ndarray:
        u = self._uniform(len(x), 8)
        order = u[:, 4:].argsort(1)
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        for turn in order.T:
            for change, bounds, drawn, i in zip(CHANGES, ranges, u.T, range(4)):
                if bounds is not None:
                    factor = between(drawn, bounds)
                    x = _some(x, turn == i, change, factor)
        return x


def _some(x: np.ndarray, chosen: np.ndarray, change: Any, factor: np.ndarray) -> np.ndarray:
    """x with the chosen images changed, each by its own factor."""
    return apply_to(x, chosen, lambda y: change(y, factor[chosen]), "ColorJitter")


def _factors(name: str, value: float | Sequence[float]) -> tuple[float, float] | None:
    """The range of a factor; None where it is always 1."""
    bounds = (
        (max(0.0, 1 - value), 1 + value) if isinstance(value, (int, float)) else tuple(value)
    )
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1]:
        raise ArgumentError(
            "CR751",
            f"ColorJitter: {name}={value!r}; give one number from 0 on, or (lowest, highest)",
        )
    return None if bounds == (1, 1) else bounds


def _hues(hue: float | Sequence[float]) -> tuple[float, float] | None:
    bounds = (-hue, hue) if isinstance(hue, (int, float)) else tuple(hue)
    if len(bounds) != 2 or not -0.5 <= bounds[0] <= bounds[1] <= 0.5:
        raise ArgumentError(
            "CR751",
            f"ColorJitter: hue={hue!r}; give one number from 0 to 0.5, or (lowest, highest) "
            "within -0.5 and 0.5",
        )
    return None if bounds == (0, 0) else bounds


class Grayscale(Transform):
    """0.2989 red + 0.587 green + 0.114 blue, in one channel or three times."""

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = colour.grey_channels(num_output_channels, "Grayscale")

    def _batch(self, x: np.ndarray) -> np.ndarray:
        return colour.grey(x, "Grayscale").repeat(self.num_output_channels, 1)


class RandomGrayscale(RandomTransform):
    """Each image grey with probability p; the number of channels stays."""

    def __init__(self, p: float = 0.1, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.grey(x, "RandomGrayscale").repeat(x.shape[1], 1)


class RandomInvert(RandomTransform):
    """Each image with black for white with probability p."""

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.inverted(x)


class RandomPosterize(RandomTransform):
    """Each image with only the first bits of each byte with probability p."""

    def __init__(
        self, bits: int, p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator=generator)
        self.bits = bits

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.posterized(x, np.full(len(x), self.bits))


class RandomSolarize(RandomTransform):
    """Each image with what is as bright as the threshold inverted, with probability p."""

    def __init__(
        self, threshold: float, p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator=generator)
        self.threshold = threshold

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.solarized(x, np.full(len(x), self.threshold))


class RandomAdjustSharpness(RandomTransform):
    """Each image sharper or softer (see adjust_sharpness) with probability p."""

    def __init__(
        self, sharpness_factor: float, p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator=generator)
        self.sharpness_factor = sharpness_factor

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.sharpened(x, np.full(len(x), self.sharpness_factor))


class RandomAutocontrast(RandomTransform):
    """Each image with its channels from black to white with probability p."""

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.stretched(x)


class RandomEqualize(RandomTransform):
    """Each image with equally frequent brightnesses with probability p."""

    def _changed(self, x: np.ndarray) -> np.ndarray:
        return colour.equalized(x)
