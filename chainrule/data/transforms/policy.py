"""Augmentation without tuning: a few changes, drawn from a list anew for each image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.data.transforms import colour
from chainrule.data.transforms.resize import mode_of
from chainrule.data.transforms.transform import Transform, apply_to, brightest
from chainrule.data.transforms.warp import MODES, NEAREST, backward_map, rotated, through
from chainrule.errors import ArgumentError
from chainrule.tensor.generator import Generator

CHANGES = 14  # in _strengths


class _Policy(Transform):
    """Changes by name, each with a strength; a subclass draws which and how strong."""

    def __init__(
        self,
        num_magnitude_bins: int,
        interpolation: Any,
        fill: Any,
        generator: Generator | None,
    ) -> None:
        if num_magnitude_bins < 2:
            raise ArgumentError(
                "CR751",
                f"{type(self).__name__}: num_magnitude_bins={num_magnitude_bins}; at least 2",
            )
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill
        self.generator = generator
        self._mode = mode_of(interpolation, MODES, type(self).__name__)

    def _change(self, x: np.ndarray, which: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """One change for each image: `which` of the list, as strong as its bin says."""
        signs = np.where(self._uniform(len(x)) < 0.5, -1.0, 1.0)
        strengths = self._strengths(*x.shape[2:])
        for i, (name, strength) in enumerate(strengths.items()):
            chosen = which == i
            if name == "Identity" or not chosen.any():
                continue
            drawn = strength[bins[chosen]]
            if name not in ("Posterize", "Solarize", "AutoContrast", "Equalize"):
                drawn = drawn * signs[chosen]

            def change(y: np.ndarray, name: str = name, m: np.ndarray = drawn) -> np.ndarray:
                return self._one(name)(y, m)

            x = apply_to(x, chosen, change, type(self).__name__)
        return x

    def _strengths(self, h: int, w: int) -> dict[str, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__} must define _strengths(h, w)")

    def _one(self, name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """The change of that name, from images and strengths to images."""
        if name in _COLOURS:
            return _COLOURS[name]
        if name == "Rotate":
            return lambda x, m: rotated(x, m, self._mode, False, None, self.fill)
        return lambda x, m: self._shifted(x, name, m)

    def _shifted(self, x: np.ndarray, name: str, strength: np.ndarray) -> np.ndarray:
        """Sheared (as a tangent, from the upper left corner) or moved along x or y."""
        along = np.zeros((len(x), 2))
        axis = 0 if name.endswith("X") else 1
        none, one = np.zeros(len(x)), np.ones(len(x))
        if name.startswith("Translate"):
            along[:, axis] = np.trunc(strength)
            matrix, offset = backward_map(none, along, one, np.zeros_like(along), (0, 0))
        else:
            along[:, axis] = np.degrees(np.arctan(strength))
            corner = (-x.shape[3] / 2, -x.shape[2] / 2)
            matrix, offset = backward_map(none, np.zeros_like(along), one, along, corner)
        return through(x, matrix, offset, self._mode, self.fill)


def _solarized_in_part(x: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The threshold is a share of white."""
    return colour.solarized(x, strength * brightest(x.dtype))


_COLOURS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Brightness": lambda x, m: colour.bright(x, 1 + m),
    "Color": lambda x, m: colour.saturated(x, 1 + m),
    "Contrast": lambda x, m: colour.contrasted(x, 1 + m),
    "Sharpness": lambda x, m: colour.sharpened(x, 1 + m),
    "Posterize": colour.posterized,
    "Solarize": _solarized_in_part,
    "AutoContrast": lambda x, m: colour.stretched(x),
    "Equalize": lambda x, m: colour.equalized(x),
}


class RandAugment(_Policy):
    """A few changes one after the other, drawn anew for each image, all of one strength.

    Args:
        num_ops: how many.
        magnitude: how strong, from 0 to num_magnitude_bins - 1.
        interpolation: nearest or bilinear.
        fill: what comes in from outside; black if None.

    Raises: ArgumentError (CR751), also for images that are not bytes (uint8).

    Source: Cubuk et al. 2019, https://arxiv.org/abs/1909.13719
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = NEAREST,
        fill: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(num_magnitude_bins, interpolation, fill, generator)
        self.num_ops = num_ops
        self.magnitude = magnitude
        if not 0 <= magnitude < num_magnitude_bins or num_ops < 0:
            raise ArgumentError(
                "CR751",
                f"RandAugment: num_ops={num_ops}, magnitude={magnitude}; at least 0, and a "
                f"magnitude below num_magnitude_bins={num_magnitude_bins}",
            )

    def _batch(self, x: np.ndarray) -> np.ndarray:
        for _ in range(self.num_ops):
            which = (self._uniform(len(x)) * CHANGES).astype(np.intp)
            x = self._change(x, which, np.full(len(x), self.magnitude))
        return x

    def _strengths(self, h: int, w: int) -> dict[str, np.ndarray]:
        share = np.linspace(0, 1, self.num_magnitude_bins)
        return _strengths(share, 0.3, 150 / 331 * w, 150 / 331 * h, 30.0, 0.9, 4)


class TrivialAugmentWide(_Policy):
    """One change of random strength for each image.

    Args: as for RandAugment.

    Raises: ArgumentError (CR751), also for images that are not bytes (uint8).

    Source: Müller & Hutter 2021, https://arxiv.org/abs/2103.10158
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: Any = NEAREST,
        fill: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(num_magnitude_bins, interpolation, fill, generator)

    def _batch(self, x: np.ndarray) -> np.ndarray:
        u = self._uniform(2, len(x))
        bins = (u[1] * self.num_magnitude_bins).astype(np.intp)
        return self._change(x, (u[0] * CHANGES).astype(np.intp), bins)

    def _strengths(self, h: int, w: int) -> dict[str, np.ndarray]:
        share = np.linspace(0, 1, self.num_magnitude_bins)
        return _strengths(share, 0.99, 32.0, 32.0, 135.0, 0.99, 6)


def _strengths(
    share: np.ndarray,
    shear: float,
    right: float,
    down: float,
    turn: float,
    tone: float,
    bits: int,
) -> dict[str, np.ndarray]:
    """The strength of every change at every share of its largest."""
    step = np.arange(len(share))
    return {
        "Identity": share,
        "ShearX": shear * share,
        "ShearY": shear * share,
        "TranslateX": right * share,
        "TranslateY": down * share,
        "Rotate": turn * share,
        "Brightness": tone * share,
        "Color": tone * share,
        "Contrast": tone * share,
        "Sharpness": tone * share,
        "Posterize": 8 - np.rint(step / ((len(share) - 1) / bits)),
        "Solarize": 1 - share,
        "AutoContrast": share,
        "Equalize": share,
    }
