"""Images out of focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms.ranges import between
from chainrule.data.transforms.transform import Transform, on_batch, rounded, size_pair, widened
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.generator import Generator
from chainrule.tensor.tensor import Tensor


def gaussian_blur(
    img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> Tensor:
    """The images blurred:  y = Σ x · exp(-d² / 2σ²) / Σ exp(-d² / 2σ²) along both axes.

    Args:
        kernel_size: how many pixels are averaged, odd: (width, height) or one number.
        sigma: in pixels, (along x, along y) or one number; 0.15 kernel_size + 0.35 if None.

    Raises: ArgumentError (CR751); ShapeError (CR750) for images smaller than half the kernel.
    """
    size = _kernel_size(kernel_size, "gaussian_blur")
    widths = [0.15 * k + 0.35 for k in size] if sigma is None else np.atleast_1d(sigma)
    if len(widths) not in (1, 2) or min(widths) <= 0:
        raise ArgumentError("CR751", f"gaussian_blur: sigma={sigma!r}; give numbers above 0")

    def change(x: np.ndarray) -> np.ndarray:
        return blurred(x, size, np.tile([widths[0], widths[-1]], (len(x), 1)))

    return on_batch(img, change, "gaussian_blur")


def blurred(x: np.ndarray, size: tuple[int, int], sigma: np.ndarray) -> np.ndarray:
    """Images blurred, each with its own width.

    Shapes: x (n, c, h, w), size and sigma (n, 2) along x and along y
    """
    y = widened(x)
    for axis, k, width in ((3, size[0], sigma[:, 0]), (2, size[1], sigma[:, 1])):
        distance = np.arange(k) - (k - 1) / 2
        kernel = np.exp(-0.5 * (distance / width[:, None]) ** 2)  # (n, k)
        y = _along(y, (kernel / kernel.sum(1, keepdims=True)).astype(y.dtype), axis)
    return rounded(y, x.dtype)


def _along(x: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    """The mean of neighbours along an axis, weighted; the edge is a mirror."""
    n, reach = x.shape[axis], kernel.shape[1] // 2
    if reach >= n:
        raise ShapeError(
            "CR750",
            f"a blur over {kernel.shape[1]} pixels takes images larger than {reach}, got {n}; "
            "give a smaller kernel_size",
        )
    border = [(0, 0)] * 4
    border[axis] = (reach, reach)
    wide = np.pad(x, border, "reflect")
    y = np.zeros_like(x)
    for step in range(kernel.shape[1]):
        part = np.moveaxis(np.moveaxis(wide, axis, 0)[step : step + n], 0, axis)
        y += part * kernel[:, step, None, None, None]
    return y


def smoothed(x: np.ndarray) -> np.ndarray:
    """Each inner pixel the mean of itself, five times, and its eight neighbours."""
    wide = widened(x)
    h, w = x.shape[2:]
    around = sum(wide[:, :, i : h - 2 + i, j : w - 2 + j] for i in range(3) for j in range(3))
    y = x.copy()
    y[:, :, 1:-1, 1:-1] = rounded((around + 4 * wide[:, :, 1:-1, 1:-1]) / 13, x.dtype)
    return y


def _kernel_size(kernel_size: int | Sequence[int], name: str) -> tuple[int, int]:
    size = size_pair(kernel_size, name)
    if not all(k % 2 for k in size):
        raise ArgumentError(
            "CR751",
            f"{name}: kernel_size={kernel_size!r}; give odd numbers",
        )
    return size


class GaussianBlur(Transform):
    """Each image blurred by a random width.

    Args:
        kernel_size: how many pixels are averaged, odd: (width, height) or one number.
        sigma: from which to which width in pixels, or always the same.

    Raises: ArgumentError (CR751)
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        sigma: float | Sequence[float] = (0.1, 2.0),
        *,
        generator: Generator | None = None,
    ) -> None:
        self.kernel_size = _kernel_size(kernel_size, "GaussianBlur")
        self.sigma = (sigma, sigma) if isinstance(sigma, (int, float)) else tuple(sigma)
        self.generator = generator
        if len(self.sigma) != 2 or not 0 < self.sigma[0] <= self.sigma[1]:
            raise ArgumentError(
                "CR751", f"GaussianBlur: sigma={sigma!r}; give (lowest, highest), above 0"
            )

    def _batch(self, x: np.ndarray) -> np.ndarray:
        width = between(self._uniform(len(x)), self.sigma)
        return blurred(x, self.kernel_size, np.stack([width, width], 1))
