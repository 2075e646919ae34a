"""Images seen through a map of the plane: turned, sheared, in perspective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms.crop import channel_values
from chainrule.data.transforms.resize import InterpolationMode, mode_of
from chainrule.data.transforms.transform import on_batch, rounded, widened
from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor

MODES = ("nearest", "bilinear")
NEAREST = InterpolationMode.NEAREST


def sample(
    x: np.ndarray, row: np.ndarray, column: np.ndarray, mode: str, fill: Any
) -> np.ndarray:
    """The values of images at points between their pixels; `fill` outside.

    Bilinear: the mean of the four neighbours weighted by nearness.

    Shapes: x (n, c, h, w), row and column (n, p) or (1, p) → (n, c, p)
    """
    n, c, h, w = x.shape
    wide = widened(x) if mode == "bilinear" else x
    framed = np.empty((n, h + 3, w + 3, c), wide.dtype)  # one pixel before, two after
    framed[:] = channel_values(fill, c)[:, 0, 0]
    framed[:, 1 : h + 1, 1 : w + 1] = wide.transpose(0, 2, 3, 1)
    row, column = np.clip(row + 1, 0, h + 1), np.clip(column + 1, 0, w + 1)
    each = np.arange(n)[:, None]

    def at(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return framed[each, i, j].transpose(0, 2, 1)  # (n, c, p)

    if mode == "nearest":
        return at(np.rint(row).astype(np.intp), np.rint(column).astype(np.intp))
    i, j = row.astype(np.intp), column.astype(np.intp)
    down, right = (
        (row - i).astype(wide.dtype)[:, None],
        (column - j).astype(wide.dtype)[:, None],
    )
    upper = at(i, j) * (1 - right) + at(i, j + 1) * right
    lower = at(i + 1, j) * (1 - right) + at(i + 1, j + 1) * right
    return rounded(upper * (1 - down) + lower * down, x.dtype)


def through(
    x: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    mode: str = "bilinear",
    fill: Any = 0,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Images seen through p ↦ A p + b around their middle:  y[p] = x[A p + b]

    Shapes: x (n, c, h, w), matrix (n, 2, 2), offset (n, 2), rows before columns → (n, c, *size)
    """
    h, w = x.shape[2:]
    rows, columns = size or (h, w)
    grid = np.indices((rows, columns)).reshape(2, -1)
    grid = grid - np.array([[(rows - 1) / 2], [(columns - 1) / 2]])  # (2, p)
    seen = matrix @ grid + offset[:, :, None]  # (n, 2, p)
    seen += np.array([[(h - 1) / 2], [(w - 1) / 2]])
    y = sample(x, seen[:, 0], seen[:, 1], mode, fill)
    return y.reshape(*x.shape[:2], rows, columns)


def backward_map(
    angle: np.ndarray, translate: np.ndarray, scale: np.ndarray, shear: np.ndarray, centre: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset for `through`, of images turned, sheared, scaled and moved.

    Forward, in (x, y) around the centre c:  p ↦ c + t + s R(angle) S(shear) (p - c)

    Shapes: angle (n,) in degrees, clockwise; translate (n, 2) and shear (n, 2) with x before y;
    scale (n,); centre (2,), from the middle of the image
    """
    turn = np.radians(angle)
    sx, sy = np.radians(shear).T
    a, c = np.cos(turn - sy) / np.cos(sy), np.sin(turn - sy) / np.cos(sy)
    b, d = -a * np.tan(sx) - np.sin(turn), -c * np.tan(sx) + np.cos(turn)
    forward = np.array([[d, c], [b, a]]).transpose(2, 0, 1) * scale[:, None, None]
    matrix = np.linalg.inv(forward)  # rows before columns
    middle = np.asarray(centre, np.float64)[::-1]
    offset = middle - (matrix @ (middle + translate[:, ::-1])[:, :, None])[:, :, 0]
    return matrix, offset


def from_middle(centre: Sequence[float] | None, x: np.ndarray) -> tuple[float, float]:
    """A centre (x, y) in pixels from the upper left corner, told from the image's middle."""
    if centre is None:
        return 0.0, 0.0
    return centre[0] - x.shape[3] * 0.5, centre[1] - x.shape[2] * 0.5


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Tensor:
    """The images turned, moved, scaled and sheared around a centre.

    Args:
        angle: in degrees, clockwise.
        translate: by how many pixels to the right and down.
        scale: above 0.
        shear: in degrees, along x; or along x and along y.
        fill: what comes in from outside; one number or one for each channel.
        center: (x, y) in pixels from the upper left corner; the middle if None.

    Raises: ArgumentError (CR751)
    """
    mode = mode_of(interpolation, MODES, "affine")
    slant = (shear, 0.0) if isinstance(shear, (int, float)) else (*shear, 0.0)[:2]
    if scale <= 0 or len(translate) != 2:
        raise ArgumentError(
            "CR751",
            f"affine: scale={scale} and translate={translate!r}; give a scale above 0 and "
            "pixels to the right and down",
        )

    def change(x: np.ndarray) -> np.ndarray:
        matrix, offset = backward_map(
            np.array([angle]), np.array([translate], np.float64), np.array([scale]),
            np.array([slant], np.float64), from_middle(center, x),
        )  # fmt: skip
        return through(x, matrix, offset, mode, fill)

    return on_batch(img, change, "affine")


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Tensor:
    """The images turned counter-clockwise by an angle in degrees.

    Args:
        expand: make the images so large that nothing is cut off.
        fill, center: as for affine().

    Example:
        >>> import chainrule as cr
        >>> rotate(cr.arange(4).reshape(1, 2, 2), 90)
        tensor([[[1, 3],
                 [0, 2]]])
    """
    mode = mode_of(interpolation, MODES, "rotate")
    return on_batch(
        img, lambda x: rotated(x, np.full(len(x), angle), mode, expand, center, fill), "rotate"
    )


def rotated(
    x: np.ndarray, angle: np.ndarray, mode: str, expand: bool, center: Any, fill: Any
) -> np.ndarray:
    """Each image turned counter-clockwise by its angle; all by the same one to expand."""
    n = len(angle)
    none, one = np.zeros((n, 2)), np.ones(n)
    matrix, offset = backward_map(-angle, none, one, none, from_middle(center, x))
    size = _turned_size(x.shape[2], x.shape[3], float(angle[0])) if expand and n else None
    return through(x, matrix, offset, mode, fill, size)


def _turned_size(h: int, w: int, angle: float) -> tuple[int, int]:
    """Height and width of the upright rectangle around one that was turned."""
    turn = math.radians(angle)
    cosine, sine = abs(math.cos(turn)), abs(math.sin(turn))
    reach = (h * cosine + w * sine) / 2, (h * sine + w * cosine) / 2
    least = 1e-4  # of a pixel; less is an error of rounding
    height, width = (
        math.ceil(n / 2 + r - least) - math.floor(n / 2 - r + least)
        for n, r in zip((h, w), reach)
    )
    return height, width


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[float]],
    endpoints: Sequence[Sequence[float]],
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Tensor:
    """The images distorted so that four points come to lie on four others.

    Args: startpoints, endpoints: (x, y) of upper left, upper right, lower right, lower left.
    """
    mode = mode_of(interpolation, MODES, "perspective")
    start, end = np.array([startpoints], np.float64), np.array([endpoints], np.float64)

    def change(x: np.ndarray) -> np.ndarray:
        return in_perspective(
            x, np.repeat(start, len(x), 0), np.repeat(end, len(x), 0), mode, fill
        )

    return on_batch(img, change, "perspective")


def in_perspective(
    x: np.ndarray, start: np.ndarray, end: np.ndarray, mode: str, fill: Any
) -> np.ndarray:
    """Each image seen through the projective map that takes `end` to `start`.

    u = (a x + b y + c) / (g x + h y + 1),  v = (d x + e y + f) / (g x + h y + 1)

    Shapes: start and end (n, 4, 2), x before y
    """
    n, _, h, w = x.shape
    ones, none = np.ones((n, 4, 1)), np.zeros((n, 4, 3))
    for_u = np.concatenate([end, ones, none, -start[:, :, :1] * end], 2)  # (n, 4, 8)
    for_v = np.concatenate([none, end, ones, -start[:, :, 1:] * end], 2)
    equations = np.concatenate([for_u, for_v], 1)
    known = np.concatenate([start[:, :, 0], start[:, :, 1]], 1)[:, :, None]
    solved = np.linalg.solve(equations, known)[:, :, 0]  # (n, 8)
    m = np.concatenate([solved, np.ones((n, 1))], 1).reshape(n, 3, 3)
    rows, columns = np.indices((h, w)).reshape(2, -1) + 0.5
    u, v, below = (m @ np.stack([columns, rows, np.ones(h * w)])).transpose(1, 0, 2)
    return sample(x, v / below - 0.5, u / below - 0.5, mode, fill).reshape(x.shape)
