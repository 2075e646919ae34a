"""Random turns, shifts, shears and perspectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms.ranges import between, both_ways, checked_range
from chainrule.data.transforms.resize import InterpolationMode, mode_of
from chainrule.data.transforms.transform import RandomTransform, Transform
from chainrule.data.transforms.warp import (
    MODES,
    NEAREST,
    backward_map,
    from_middle,
    in_perspective,
    rotated,
    through,
)
from chainrule.errors import ArgumentError
from chainrule.tensor.generator import Generator


class RandomRotation(Transform):
    """Each image turned by a random angle.

    Args:
        degrees: from which to which angle; one number goes both ways.
        interpolation: nearest or bilinear.
        expand: make the image so large that nothing is cut off; for single images.
        center: (x, y) in pixels from the upper left corner; the middle if None.
        fill: what comes in from outside.

    Raises: ArgumentError (CR751)
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Any = NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        self.degrees = both_ways(degrees, "RandomRotation: degrees")
        self.interpolation = interpolation
        self.expand = expand
        self.center = center
        self.fill = fill
        self.generator = generator
        self._mode = mode_of(interpolation, MODES, "RandomRotation")

    @property
    def batched(self) -> bool:  # type: ignore[override]
        """Not where each image gets a size of its own."""
        return not self.expand

    def _batch(self, x: np.ndarray) -> np.ndarray:
        if self.expand and len(x) > 1:
            raise ArgumentError(
                "CR751",
                "RandomRotation(expand=True) gives every image another size, so it takes "
                "single images; turn the images before they become a batch",
            )
        angle = between(self._uniform(len(x)), self.degrees)
        return rotated(x, angle, self._mode, self.expand, self.center, self.fill)


class RandomAffine(Transform):
    """Each image turned, moved, scaled and sheared at random.

    Args:
        degrees: from which to which angle; one number goes both ways.
        translate: the largest shift as a share of the width and of the height.
        scale: from which to which factor.
        shear: in degrees along x, one number (both ways) or a range; four numbers are a range
            along x and one along y.
        interpolation, fill, center: as for RandomRotation.

    Raises: ArgumentError (CR751)

    Example:
        >>> import chainrule as cr
        >>> RandomAffine(10, translate=(0.1, 0.1))(cr.rand(5, 1, 28, 28)).shape
        chainrule.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Any = NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        self.degrees = both_ways(degrees, "RandomAffine: degrees")
        self.translate = None if translate is None else _shares(translate)
        self.scale = None if scale is None else checked_range(scale, "RandomAffine: scale")
        self.shear = None if shear is None else _shears(shear)
        self.interpolation = interpolation
        self.fill = fill
        self.center = center
        self.generator = generator
        self._mode = mode_of(interpolation, MODES, "RandomAffine")

    def _batch(self, x: np.ndarray) -> np.ndarray:
        n, _, h, w = x.shape
        u = self._uniform(n, 6)
        reach = np.multiply(self.translate or (0, 0), (w, h))
        translate = np.rint(between(u[:, 1:3], (-reach, reach)))  # type: ignore[arg-type]
        ranges = np.array(self.shear or (0, 0, 0, 0)).reshape(2, 2)
        matrix, offset = backward_map(
            between(u[:, 0], self.degrees),
            translate,
            between(u[:, 3], self.scale or (1, 1)),
            between(u[:, 4:], ranges.T),  # type: ignore[arg-type]
            from_middle(self.center, x),
        )
        return through(x, matrix, offset, self._mode, self.fill)


class RandomPerspective(RandomTransform):
    """Each image seen from a random side, with probability p.

    Args: distortion_scale: how far a corner may move inwards, as a share of half the side.

    Raises: ArgumentError (CR751)
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator=generator)
        if not 0 <= distortion_scale <= 1:
            raise ArgumentError(
                "CR751", f"RandomPerspective: distortion_scale={distortion_scale}; 0 to 1"
            )
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation
        self.fill = fill
        self._mode = mode_of(interpolation, MODES, "RandomPerspective")

    def _changed(self, x: np.ndarray) -> np.ndarray:
        n, _, h, w = x.shape
        corners = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]])
        inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        reach = np.floor(self.distortion_scale * np.array([w // 2, h // 2]))
        moved = corners + inwards * np.floor(self._uniform(n, 4, 2) * (reach + 1))
        start = np.repeat(corners[None].astype(np.float64), n, 0)
        return in_perspective(x, start, moved, self._mode, self.fill)


def _shares(translate: Sequence[float]) -> tuple[float, float]:
    if len(translate) != 2 or not all(0 <= share <= 1 for share in translate):
        raise ArgumentError(
            "CR751",
            f"RandomAffine: translate={translate!r}; give shares of the width and of the "
            "height, from 0 to 1",
        )
    return translate[0], translate[1]


def _shears(shear: float | Sequence[float]) -> tuple[float, ...]:
    """Lowest and highest along x, lowest and highest along y."""
    if isinstance(shear, (int, float)) or len(shear) == 2:
        return (*both_ways(shear, "RandomAffine: shear"), 0.0, 0.0)
    if len(shear) != 4:
        raise ArgumentError(
            "CR751", f"RandomAffine: shear={shear!r}; give one, two or four numbers"
        )
    return (
        *both_ways(shear[:2], "RandomAffine: shear"),
        *both_ways(shear[2:], "RandomAffine: shear"),
    )
