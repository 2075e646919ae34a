"""What every transform has in common: images in any form go in, tensors come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError
from chainrule.tensor.generator import Generator, default_generator
from chainrule.tensor.tensor import Tensor


class Transform:
    """A change of images, of one (c, h, w) or of a whole batch (n, c, h, w).

    A subclass defines `_batch(x)`, which takes and gives arrays (n, c, h, w). Every image of a
    batch draws its own random numbers, from the generator that was given or the default one.

    Notes: pictures of Pillow (its own class) and arrays (h, w) or (h, w, c) are taken as well;
    what comes out is always a tensor with the channels first.
    """

    generator: Generator | None = None
    batched = True  # whether a batch may go through as a whole

    def __call__(self, img: Any) -> Any:
        return on_batch(img, self._batch, type(self).__name__)

    def _batch(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define _batch(x)")

    def _uniform(self, *shape: int) -> np.ndarray:
        """Random numbers from 0 to 1, float64, as the generator's next draw."""
        return (self.generator or default_generator).uniform(shape).numpy().astype(np.float64)

    def __repr__(self) -> str:
        shown = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        if self.generator is None:
            shown.pop("generator", None)
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


class RandomTransform(Transform):
    """A change that each image undergoes with probability p; `_changed` says how.

    Raises: ArgumentError (CR751) for a p outside [0, 1].
    """

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        self.p = checked_probability(p, type(self).__name__)
        self.generator = generator

    def _batch(self, x: np.ndarray) -> np.ndarray:
        return apply_to(x, self._uniform(len(x)) < self.p, self._changed, type(self).__name__)

    def _changed(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define _changed(x)")


def on_batch(img: Any, change: Callable[[np.ndarray], np.ndarray], name: str) -> Tensor:
    """Let `change` work on the images as one array (n, c, h, w), whatever form they have.

    Raises: ShapeError (CR750) for fewer than three axes; GradientError (CR309) for a tensor
    that requires a gradient.
    """
    x = as_image(img, name).numpy()
    if x.ndim < 3:
        raise ShapeError(
            "CR750",
            f"{name} takes images (c, h, w) or batches (n, c, h, w), got shape {x.shape}; "
            "one channel without its axis gets it by x.unsqueeze(0)",
        )
    y = change(x.reshape(-1, *x.shape[-3:]))
    return Tensor._of(np.ascontiguousarray(y).reshape(*x.shape[:-3], *y.shape[1:]))


def apply_to(
    x: np.ndarray, chosen: np.ndarray, change: Callable[[np.ndarray], np.ndarray], name: str
) -> np.ndarray:
    """The images of x, those that were chosen changed."""
    if not chosen.any():
        return x
    if chosen.all():
        return change(x)
    changed = change(x[chosen])
    if changed.shape[1:] != x.shape[1:] or changed.dtype != x.dtype:
        raise ShapeError(
            "CR752",
            f"{name} changed some images of a batch from {x.shape[1:]} {x.dtype} to "
            f"{changed.shape[1:]} {changed.dtype}, so they fit into no batch any more; let it "
            "keep shape and dtype, or read the images one by one",
        )
    y = x.copy()
    y[chosen] = changed
    return y


def as_image(img: Any, name: str = "a transform") -> Tensor:
    """A tensor (…, c, h, w) of a tensor, an array (h, w) or (h, w, c), or Pillow's picture.

    Raises: ArgumentTypeError (CR753) for anything else.
    """
    if isinstance(img, Tensor):
        return img
    if is_picture(img):
        img = np.asarray(img)
        img = img.astype(np.uint8) * 255 if img.dtype == bool else img
    if not isinstance(img, np.ndarray) or img.ndim not in (2, 3):
        shape = f" of shape {img.shape}" if isinstance(img, np.ndarray) else ""
        raise ArgumentTypeError(
            "CR753",
            f"{name} takes a tensor (c, h, w), an array (h, w, c) or a picture of Pillow, got "
            f"{type(img).__name__}{shape}",
        )
    channels_last = img[:, :, None] if img.ndim == 2 else img
    return Tensor._of(np.ascontiguousarray(channels_last.transpose(2, 0, 1)))


def is_picture(img: Any) -> bool:
    """Whether it looks like Pillow's image; told without importing Pillow."""
    return hasattr(img, "getbands") and hasattr(img, "mode")


def works_on_batches(transform: Any) -> bool:
    """Whether a transform, or None, may be given a batch instead of a single image."""
    return transform is None or (isinstance(transform, Transform) and transform.batched)


def checked_probability(p: float, name: str) -> float:
    """p, if it is a probability."""
    if not 0 <= p <= 1:
        raise ArgumentError("CR751", f"{name}: p={p} is no probability; give one from 0 to 1")
    return p


def size_pair(size: int | Sequence[int], name: str) -> tuple[int, int]:
    """Height and width; one number is both.

    Raises: ArgumentError (CR751) for anything but one or two numbers from 1 on.
    """
    both = (size,) if isinstance(size, int) else tuple(size)
    if len(both) not in (1, 2) or min(both) < 1:
        raise ArgumentError(
            "CR751",
            f"{name}: size={size!r} is no height and width; give n or (h, w), from 1 on",
        )
    return both[0], both[-1]


def widened(x: np.ndarray) -> np.ndarray:
    """x as numbers to compute with: bytes and halves as float32."""
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def rounded(y: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """y in the dtype the images had; whole numbers are rounded and kept in their range."""
    if not np.issubdtype(dtype, np.integer):
        return y.astype(dtype, copy=False)
    bounds = np.iinfo(dtype)
    return np.clip(np.rint(y), bounds.min, bounds.max).astype(dtype)


def brightest(dtype: np.dtype) -> float:
    """The value of white: 1 for floats, the largest number of an integer dtype."""
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0
