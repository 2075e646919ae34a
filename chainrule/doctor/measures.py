"""Numbers about arrays: how they lie, which units are dead, how a step moved them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.doctor.facts import Spread
from chainrule.nn.parameter import is_lazy

ROWS = 256  # samples that are looked at
NUMBERS = 1 << 13  # numbers of one array that are looked at
UNTHREADED = 1 << 13  # numbers of which OpenBLAS sums products on one thread
BINS = 32
BINNED = 1 << 12  # numbers that a histogram counts
FEW_NUMBERS, EVENLY = 32, 0.15  # what tells that a weight is as it began
MANY_NUMBERS, EXACTLY, CHANCE = 256, 0.05, 4.0  # where there are several ways to begin
GATES = (1, 3, 4)  # of a recurrent layer
#: beyond these an activation is nearly flat: |tanh x| > 0.95, and the same |x| for a sigmoid
SATURATED = {"Tanh": (-0.95, 0.95), "Sigmoid": (0.025, 0.975), "Gates": (-3.66, 3.66)}


def numbers(tensor: Any) -> Any:
    """The array of a tensor, in a type that NumPy computes with."""
    return readable(tensor._cell.array)


def readable(array: Any) -> Any:
    """An array of bfloat16, which NumPy does not know, as float32; others as they are."""
    if isinstance(array, np.ndarray) and array.dtype.kind == "V":
        return dtypes.cast(array, dtypes.float32.numpy)
    return array


def parameter_count(model: Any) -> int:
    """The numbers that can be learned; those of layers without shapes yet do not count."""
    return sum(p.numel() for p in model.parameters() if not is_lazy(p))


def is_float(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "f"


def sampled(array: np.ndarray, most: int = NUMBERS) -> np.ndarray:
    """Numbers of an array, evenly taken from it as it lies in memory, where it is large.

    Notes: an odd step meets all units, where their number is a power of two.
    """
    flat = array.ravel(order="K")
    step = -(-flat.size // most) | 1
    return flat[::step].astype(np.float64, copy=False)


def spread(array: np.ndarray) -> Spread:
    """How the numbers of an array lie."""
    return _spread(sampled(array), array)[0]


@np.errstate(all="ignore")
def _spread(x: np.ndarray, whole: np.ndarray) -> tuple[Spread, np.ndarray]:
    """How the numbers x of a whole array lie, and those of them that are finite."""
    mean = float(x.sum()) / max(1, x.size)
    all_finite = math.isfinite(mean)  # if their sum is a number, all are
    bad = 0 if all_finite and whole.size == x.size else _nonfinite(whole)
    if not all_finite:
        x = x[np.isfinite(x)]
        mean = float(x.mean()) if x.size else 0.0
    if not x.size:
        return Spread(whole.size, bad), x
    deviations = x - mean
    variance = _squares(deviations) / x.size
    found = Spread(whole.size, bad, mean, math.sqrt(variance), float(x.min()), float(x.max()))
    return found, x


def _nonfinite(array: np.ndarray) -> int:
    if array.dtype.kind not in "fc" or math.isfinite(abs(array.sum())):
        return 0  # if their sum is a number, all are
    return int(array.size - np.isfinite(array).sum())


def spread_and_histogram(array: np.ndarray) -> tuple[Spread, dict[str, Any]]:
    """How some of the numbers lie, and how many of these lie where."""
    x = sampled(array, BINNED)
    found, x = _spread(x, x)
    low, high = _ends(found)
    width = high - low  # infinite where the numbers fill all of their type
    places = (x - low) * (BINS / width) if math.isfinite(width) else np.zeros(x.size)
    counts = np.bincount(np.minimum(places.astype(np.int64), BINS - 1), minlength=BINS)
    return found, {"low": low, "high": high, "counts": counts.tolist()}


def _ends(s: Spread) -> tuple[float, float]:
    half = max(0.5, abs(s.low) * 1e-6)  # where all are the same
    return (s.low, s.high) if s.high > s.low else (s.low - half, s.low + half)


def norm(arrays: list[np.ndarray]) -> float:
    """The Euclidean norm of all numbers together."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(sum(squares(a) for a in arrays))


def squares(array: np.ndarray) -> float:
    """The sum of the squares; infinite where a number is not finite."""
    flat = np.ascontiguousarray(array).reshape(-1)
    total = _squares(flat)
    if math.isfinite(total) or not np.isfinite(flat).all():
        return total if math.isfinite(total) else math.inf
    return float(np.square(flat, dtype=np.float64).sum())


def _squares(flat: np.ndarray) -> float:
    """The sum of the squares, of so few at a time that NumPy's BLAS uses no threads: these
    would stay awake for a tenth of a second, and take a core from those that train."""
    parts = (flat[i : i + UNTHREADED] for i in range(0, flat.size, UNTHREADED))
    return sum(float(np.vdot(part, part)) for part in parts)


def relative_step(before: np.ndarray, after: np.ndarray, squared: float | None = None) -> float:
    """‖after - before‖ / ‖before‖; weights that began at or near zero, as they may on
    purpose, are measured by the size that an initialization would give them.

    Args: squared: ‖before‖², if it is known.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squared = squares(before) if squared is None else squared
        length = max(math.sqrt(squared), math.sqrt(before.size / 3) * _bound(before))
        moved = norm([after - before])
    return moved / length if length else 0.0


def _bound(weight: np.ndarray) -> float:
    """Where the usual initialization of a layer ends: 1 / √fan_in."""
    return 1 / math.sqrt(max(1, weight[0].size)) if weight.ndim > 1 and len(weight) else 0.0


def as_initialized(weight: np.ndarray) -> bool:
    """Whether a weight still lies evenly within the bound that layers begin with."""
    if weight.ndim < 2 or weight.size < FEW_NUMBERS:
        return False
    x = sampled(weight)
    largest, width = float(np.abs(x).max()), float(x.std()) * math.sqrt(3)
    bounds = {_bound(weight): EVENLY}
    if x.size >= MANY_NUMBERS:  # of a recurrent layer, by its width
        bounds |= {math.sqrt(gates / len(weight)): EXACTLY for gates in GATES}
    return any(
        largest <= bound * (1 + 1e-6) and abs(width / bound - 1) < near
        for bound, near in bounds.items()
    )


def is_standard_normal(weight: np.ndarray) -> bool:
    """Whether a weight lies as that of an embedding does when it begins."""
    if weight.ndim < 2 or weight.size < MANY_NUMBERS:
        return False
    x = sampled(weight)
    chance = CHANCE / math.sqrt(x.size)
    tails = abs(float((x**4).mean()) - 3)
    return bool(abs(x.mean()) < chance and abs(x.std() - 1) < chance and tails < 10 * chance)


def is_part(x: Any, y: Any) -> bool:
    """Whether a tensor holds the numbers of another one, in another shape or of one time."""
    a, b = numbers(x), numbers(y)
    if not is_float(a) or not is_float(b):
        return False
    if a.size == b.size:
        return np.array_equal(a.reshape(-1), b.reshape(-1))
    if b.ndim != a.ndim + 1 or b.ndim < 2:
        return False
    times = [step for step in (b[-1], b[:, -1], b[0], b[:, 0]) if step.shape == a.shape]
    return a.size > 1 and any(np.array_equal(a, step) for step in times)


def dead_units(y: np.ndarray) -> float:
    """The share of units that are 0 for every sample; a channel of an image is one unit.

    Shapes:  y (n, d), (n, c, h, w) or (n, t, d), the last axis then being the units
    """
    if not y.size or y.ndim < 2:
        return 0.0
    is_alive = (y[:ROWS] > 0).any(axis=0)  # over one axis after the other, which is quicker
    places = tuple(range(1, y.ndim - 1)) if y.ndim > 3 else tuple(range(y.ndim - 2))
    return float(np.mean(~np.any(is_alive, axis=places)))


def times_seen(y: np.ndarray) -> int:
    """At how many samples and places of the array each unit is seen."""
    units = y.shape[1] if y.ndim > 3 else y.shape[-1] if y.ndim > 1 else 1
    return y[:ROWS].size // max(units, 1)


def row_hashes(array: np.ndarray) -> list[int]:
    """A number for each row, equal for equal rows."""
    rows = np.ascontiguousarray(array)
    if not rows.size:
        return [0] * len(rows)
    words = rows.reshape(len(rows), -1).view(f"V{rows[0].nbytes}")
    return list(map(hash, words.ravel().tolist()))


def saturated_share(y: np.ndarray, kind: str) -> float:
    """The share of activations where the function is nearly flat."""
    low, high = SATURATED[kind]
    x = sampled(y)
    return float(np.mean((x < low) | (x > high)))


def are_probabilities(array: np.ndarray) -> bool:
    """Whether rows sum to 1, or, for a single output, all lie in [0, 1] and some inside."""
    x = array[:ROWS].astype(np.float64, copy=False)
    if not x.size or not np.isfinite(x).all() or x.min() < 0 or x.max() > 1:
        return False
    if x.ndim > 1 and x.shape[1] > 1:
        return bool(np.allclose(x.sum(axis=1), 1, atol=1e-4))
    return True


def feature_ratio(x: np.ndarray) -> tuple[float | None, list[int]]:
    """The largest standard deviation of a feature by the smallest, and constant features.

    Shapes:  x (n, d); other arrays have no features that could be compared
    """
    if x.ndim != 2 or x.shape[0] < 8 or x.shape[1] < 2:
        return None, []
    with np.errstate(over="ignore", invalid="ignore"):
        deviations = x.astype(np.float64, copy=False).std(axis=0)
    varied = deviations[np.isfinite(deviations) & (deviations > 0)]
    constant = np.flatnonzero(deviations == 0).tolist()
    return (float(varied.max() / varied.min()) if varied.size > 1 else None), constant


def alike_units(weight: np.ndarray) -> bool:
    """Whether all units have the same weights, so that they learn the same; a single unit,
    whether all of its weights are the same."""
    if weight.ndim < 2 or not weight.size:
        return False
    first = weight[:1] if len(weight) > 1 else weight.reshape(-1)[:1]
    return bool((weight == first).all())


def recalls(labels: np.ndarray, answers: np.ndarray) -> tuple[dict[int, float], dict[int, int]]:
    """The share of each class that was recognized, and how often the class was there."""
    classes, places = _classes(labels)
    counts = np.bincount(places)
    shares = np.bincount(places, (answers == labels).reshape(-1)) / np.maximum(counts, 1)
    there = np.flatnonzero(counts).tolist()
    names = classes[there].astype(int).tolist()
    return (
        dict(zip(names, shares[there].tolist(), strict=True)),
        dict(zip(names, counts[there].tolist(), strict=True)),
    )


def _classes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes, and which of them each label is; small numbers are their own places."""
    if (
        labels.dtype.kind in "iu"
        and labels.size
        and 0 <= labels.min() <= labels.max() < labels.size
    ):
        return np.arange(int(labels.max()) + 1), labels.reshape(-1)
    classes, places = np.unique(labels, return_inverse=True)
    return classes, places.reshape(-1)
