"""Ranges that random numbers are drawn from, and rectangles drawn from them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.errors import ArgumentError

ATTEMPTS = 10  # to find a rectangle of the wanted size and shape inside the image


def between(u: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Numbers from 0 to 1 as numbers between two bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * u


def checked_range(bounds: Sequence[float], name: str) -> tuple[float, float]:
    """Two bounds, the lower one first and none below 0.

    Raises: ArgumentError (CR751)
    """
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] or math.isinf(bounds[1]):
        raise ArgumentError(
            "CR751", f"{name}={bounds!r} is no range; give (lowest, highest), from 0 on"
        )
    return float(bounds[0]), float(bounds[1])


def both_ways(bounds: float | Sequence[float], name: str) -> tuple[float, float]:
    """Two bounds, the lower one first; one number from 0 on goes both ways.

    Raises: ArgumentError (CR751)
    """
    if isinstance(bounds, (int, float)):
        bounds = (-bounds, bounds)
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ArgumentError(
            "CR751", f"{name}={bounds!r} is no range; give (lowest, highest) or one from 0 on"
        )
    return float(bounds[0]), float(bounds[1])


def drawn_sides(
    u: np.ndarray, area: float, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Two sides a and b of rectangles, whole numbers, of uniform numbers u (…, 2).

    ab is a share of the area from the range `scale`, b / a is from the range `ratio`, evenly
    on a logarithmic scale.
    """
    size = area * between(u[..., 0], scale)
    quotient = np.exp(between(u[..., 1], tuple(np.log(ratio))))
    return np.rint(np.sqrt(size / quotient)), np.rint(np.sqrt(size * quotient))


def drawn_places(u: np.ndarray, length: int, part: np.ndarray) -> np.ndarray:
    """Where parts of an axis begin: anywhere, so that they lie in it."""
    return np.floor(u * (length - part + 1))
