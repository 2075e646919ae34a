"""What users hand to a picture, as arrays: points, labels, images; checked once, here."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.dtypes import bfloat16, float16, float32
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.tensor import Tensor

HALVES = (float16, bfloat16)  # which NumPy does not compute with


def array(values: Any) -> np.ndarray:
    """The numbers of a tensor, array or list."""
    if isinstance(values, Tensor):
        values = values.detach()
        return (values.float() if values.dtype in HALVES else values).numpy()
    return np.asarray(values)


def tensor_of(values: np.ndarray) -> Tensor:
    """An array as a tensor of float32, which networks take."""
    return from_numpy(np.ascontiguousarray(values, np.float32))


def plane(points: Any, picture: str) -> np.ndarray:
    """Points in the plane (n, 2).

    Raises: ShapeError (CR841) for other points; ArgumentError (CR849) if not finite.
    """
    x = array(points)
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ShapeError(
            "CR841",
            f"{picture} draws points in the plane, of shape (n, 2), got {tuple(x.shape)}; "
            "train on two features, or draw embedding_projection(features, labels)",
        )
    finite(x, picture, "points")
    return x.astype(np.float64)


def vectors(x: Any, picture: str) -> np.ndarray:
    """Rows of features (n, d), of which there are at least two.

    Raises: ShapeError (CR841); ArgumentError (CR849) if not finite.
    """
    x = array(x)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise ShapeError(
            "CR841",
            f"{picture} takes at least two rows of features, (n, d), got {tuple(x.shape)}; "
            "x.flatten(1) makes rows",
        )
    finite(x, picture, "features")
    return x.astype(np.float64)


def finite(x: np.ndarray, picture: str, what: str) -> None:
    """Raises: ArgumentError (CR849) for numbers that are not finite."""
    if wrong := int((~np.isfinite(x)).sum()):
        raise ArgumentError(
            "CR849", f"{picture}: {wrong} of {x.size} numbers of the {what} are NaN or infinite"
        )


def classes(labels: Any, n: int, picture: str) -> np.ndarray:
    """A class 0, 1, … for each of n points; -1 and 1 become 0 and 1, None is all 0.

    Raises: ShapeError (CR841) for another number of labels or for what is no class.
    """
    if labels is None:
        return np.zeros(n, int)
    y = array(labels)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (n,):
        raise ShapeError(
            "CR841",
            f"{picture} needs one class for each of the {n} points, got labels "
            f"{tuple(np.shape(labels))}",
        )
    if set(np.unique(y)) == {-1, 1}:
        y = y > 0
    whole = y.astype(int)
    wrong = y[(whole != y) | (whole < 0)]
    if len(wrong):
        raise ShapeError(
            "CR841", f"{picture}: classes are whole numbers from 0, got {wrong[:3].tolist()}"
        )
    return whole


def class_names(names: Any, labels: np.ndarray, at_least: int = 0) -> list[str]:
    """A name for each class.

    Raises: ArgumentError (CR848) for too few.
    """
    count = max(int(labels.max(initial=0)) + 1, at_least)
    if names is None:
        return [f"class {number}" for number in range(count)]
    if len(names) < count:
        raise ArgumentError(
            "CR848", f"there are {count} classes and names for only {len(names)} of them"
        )
    return [str(name) for name in names]


def images(x: Any, picture: str) -> Tensor:
    """Images (n, c, h, w), of which one may come as (c, h, w) or (h, w).

    Raises: ShapeError (CR843) for another shape; ArgumentError (CR849) if not finite.
    """
    given = x.detach() if isinstance(x, Tensor) else tensor_of(np.asarray(x))
    given = given if given.is_floating_point() else given.to(float32)
    shape = tuple(given.shape)
    if len(shape) not in (2, 3, 4) or 0 in shape:
        raise ShapeError(
            "CR843",
            f"{picture} takes an image (c, h, w) or a batch of them (n, c, h, w), got {shape}",
        )
    finite(given.numpy(), picture, "image")
    return given.reshape(*(1,) * (4 - len(shape)), *shape)
