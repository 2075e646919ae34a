"""Small invented datasets of points in the plane, to see what a network can learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.dataset import TensorDataset
from chainrule.errors import ArgumentError
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.generator import Generator, default_generator

LECTURES, HOURS = 7, 8  # at most
ENOUGH = 8  # of both together


def xor(
    n_samples: int = 100, noise: float = 0.0, generator: Generator | None = None
) -> TensorDataset:
    """Points near the corners of a square, of class 1 where the coordinates differ.

    Shapes: points (n, 2) around 0 and 1, classes (n,)

    Args:
        n_samples: how many; the corners come in turn.
        noise: standard deviation of the distance from the corner along each axis.
        generator: where the randomness comes from; the default generator if None.

    Raises: ArgumentError (CR749)

    Example:
        >>> points, classes = xor(4).tensors
        >>> points.tolist(), classes.tolist()
        ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    _check(n_samples, noise)
    corner = np.arange(n_samples) % 4
    x = np.stack([corner // 2, corner % 2], 1).astype(np.float64)
    return _dataset(x, (corner // 2) ^ (corner % 2), noise, generator)


def circles(
    n_samples: int = 100,
    noise: float = 0.0,
    factor: float = 0.8,
    generator: Generator | None = None,
) -> TensorDataset:
    """A circle of radius 1 (class 0) around one of radius `factor` (class 1).

    Shapes: points (n, 2), classes (n,)

    Args: factor: at least 0, below 1; the others as for xor().

    Raises: ArgumentError (CR749)

    Example:
        >>> points, classes = circles(100).tensors
        >>> sorted({round(r, 4) for r in points.norm(dim=1).tolist()})
        [0.8, 1.0]
    """
    _check(n_samples, noise)
    if not 0 <= factor < 1:
        raise ArgumentError("CR749", f"circles: factor={factor}; at least 0, below 1")
    outer = n_samples // 2
    sizes = (outer, n_samples - outer)
    angle = np.concatenate([np.linspace(0, 2 * np.pi, n, endpoint=False) for n in sizes])
    radius = np.repeat([1.0, factor], sizes)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return _dataset(x, np.repeat([0, 1], sizes), noise, generator)


def moons(
    n_samples: int = 100, noise: float = 0.0, generator: Generator | None = None
) -> TensorDataset:
    """Two half circles that reach into each other.

    Shapes: points (n, 2), classes (n,): 0 above, 1 below

    Args, Raises: as for xor()

    Example:
        >>> points, classes = moons(200, noise=0.1).tensors
        >>> points.shape, classes.sum().item()
        (chainrule.Size([200, 2]), 100)
    """
    _check(n_samples, noise)
    upper = n_samples // 2
    sizes = (upper, n_samples - upper)
    first, second = (np.linspace(0, np.pi, n) for n in sizes)
    above = np.stack([np.cos(first), np.sin(first)], 1)
    below = np.stack([1 - np.cos(second), 0.5 - np.sin(second)], 1)
    return _dataset(np.concatenate([above, below]), np.repeat([0, 1], sizes), noise, generator)


def spirals(
    n_samples: int = 100,
    noise: float = 0.0,
    classes: int = 2,
    turns: float = 1.0,
    generator: Generator | None = None,
) -> TensorDataset:
    """Arms that wind around the middle, one for each class:  r = s,  φ = 2π (turns · s + k/K)

    Shapes: points (n, 2) within radius 1, classes (n,)

    Args:
        classes: K, how many arms.
        turns: how often an arm goes around.
        n_samples, noise, generator: as for xor().

    Raises: ArgumentError (CR749)
    """
    _check(n_samples, noise)
    if classes < 1:
        raise ArgumentError("CR749", f"spirals: classes={classes}; at least 1")
    k = np.arange(n_samples) % classes
    radius = (np.arange(n_samples) // classes + 1) / -(-n_samples // classes)
    angle = 2 * np.pi * (turns * radius + k / classes)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return _dataset(x, k, noise, generator)


def blobs(
    n_samples: int = 100,
    centers: int | Sequence[Sequence[float]] = 3,
    cluster_std: float = 1.0,
    n_features: int = 2,
    center_box: tuple[float, float] = (-10.0, 10.0),
    generator: Generator | None = None,
) -> TensorDataset:
    """Round clouds of points, one for each class.

    Shapes: points (n, n_features), classes (n,)

    Args:
        centers: where the clouds are, or how many, at random in center_box.
        cluster_std: standard deviation of a cloud along each axis.
        n_samples, generator: as for xor(); the clouds have the same number of points, the
            first ones get those left over.

    Raises: ArgumentError (CR749)

    Example:
        >>> points, classes = blobs(5, centers=[[0.0, 0.0], [9.0, 9.0]]).tensors
        >>> classes.tolist()
        [0, 0, 0, 1, 1]
    """
    _check(n_samples, cluster_std)
    source = generator or default_generator
    if isinstance(centers, int):
        _check(centers, 0)
        low, high = center_box
        places = source.uniform((centers, n_features)).numpy() * (high - low) + low
    else:
        places = np.asarray(centers, np.float64)
    classes = np.sort(np.arange(n_samples) % len(places))
    return _dataset(places[classes], classes, cluster_std, source)


def pass_the_class(
    n_samples: int = 100, noise: float = 0.0, generator: Generator | None = None
) -> TensorDataset:
    """Students, and whether they pass: whoever came often, worked long, or did both fairly.

    A student of l lectures (0 to 7) and h hours on the project (0 to 8) passes where l + h ≥ 8.

    Shapes: students (n, 2), lectures and hours; classes (n,), 1 who passes

    Args:
        noise: standard deviation of what is added to both before the lecturer decides.
        n_samples, generator: as for xor().

    Raises: ArgumentError (CR749)

    Source: MIT 6.S191, lecture 1, where the question is "will I pass this class?"
    """
    _check(n_samples, noise)
    source = generator or default_generator
    drawn = source.uniform((n_samples, 2)).numpy() * np.array([LECTURES + 1, HOURS + 1])
    students = np.floor(drawn)
    judged = students + _gaussian((n_samples, 2), noise, source)
    passed = judged.sum(1) >= ENOUGH
    return _dataset(students, passed, 0.0, source)


def _gaussian(shape: tuple[int, ...], noise: float, source: Generator) -> np.ndarray:
    """Gaussian numbers of that standard deviation; nothing is drawn for 0."""
    return noise * source.normal(shape).numpy() if noise else np.zeros(shape)


def _dataset(
    x: np.ndarray, classes: np.ndarray, noise: float, generator: Generator | None
) -> TensorDataset:
    moved = x + _gaussian(x.shape, noise, generator or default_generator)
    return TensorDataset(
        from_numpy(moved.astype(np.float32)), from_numpy(classes.astype(np.int64))
    )


def _check(n_samples: int, noise: float) -> None:
    if n_samples < 1 or not noise >= 0:
        raise ArgumentError(
            "CR749",
            f"{n_samples} samples with noise {noise}; give at least 1, and none below 0",
        )
