"""What all scores have in common: they see batches, add up, and give a value at the end."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from chainrule import dtypes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.creation import as_tensor
from chainrule.tensor.number import refuse_in_compiled
from chainrule.tensor.tensor import Tensor


class Metric:
    """A score over many batches: update(…) for each, compute() at the end.

    A subclass names in `_counts` the attributes that hold what was seen; two of them add up.

    Notes: what was seen is Python state, so a compiled function can neither add to it nor read
    it. `state_dict()` and `load_state_dict(…)` carry it over a break in the middle of an
    epoch, and `merge(other)` takes in what another one has seen, in another process for
    instance. Calling a metric updates it and gives the value of that batch alone.
    """

    _counts: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        for name in ("reset", "update", "compute"):
            if name in vars(cls):
                setattr(cls, name, _outside_compiled(vars(cls)[name]))

    def __getattribute__(self, name: str) -> Any:
        if name in type(self)._counts:
            _refuse_in_compiled(self, name)
        return super().__getattribute__(name)

    def reset(self) -> None:
        """Forget what was seen."""
        raise NotImplementedError(f"{type(self).__name__} must define reset()")

    def update(self, *args: Any, **kwargs: Any) -> None:
        """See one more batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update(…)")

    def compute(self) -> Any:
        """The value over everything seen."""
        raise NotImplementedError(f"{type(self).__name__} must define compute()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        batch = copy.copy(self)
        batch.reset()
        batch.update(*args, **kwargs)
        self._add(batch)
        return batch.compute()

    def merge(self, other: Self) -> Self:
        """Take in what another one of the same kind has seen; returns this one.

        Raises: ArgumentError (CR912) for one of another kind or with other settings.
        """
        if type(other) is not type(self) or other._settings() != self._settings():
            raise ArgumentError(
                "CR912",
                f"{self!r} and {other!r} count different things and do not add up; merge "
                "metrics of one kind with the same settings",
            )
        self._add(other)
        return self

    def _add(self, other: Any) -> None:
        for name in self._counts:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def state_dict(self) -> dict[str, Tensor]:
        """What was seen, as tensors by name."""
        return {name: Tensor._of(np.array(getattr(self, name))) for name in self._counts}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Go on from what state_dict() gave.

        Raises: ArgumentError (CR912) where it is not of such a metric.
        """
        given = {name: np.array(values(x, name)) for name, x in state_dict.items()}
        fits = {n: np.shape(getattr(self, n)) for n in self._counts}
        if given.keys() != fits.keys() or any(not _alike(given[n], fits[n]) for n in fits):
            raise self._other_state(fits, given)
        for name, x in given.items():
            setattr(self, name, x.item() if x.ndim == 0 else x)

    def _other_state(self, shapes: Any, given: dict[str, np.ndarray]) -> ArgumentError:
        return ArgumentError(
            "CR912",
            f"{self!r} has the state {shapes}, got { {n: x.shape for n, x in given.items()} }; "
            "load what state_dict() of a metric with the same settings gave",
        )

    def _settings(self) -> dict[str, Any]:
        """The arguments it was made with."""
        return {k: v for k, v in vars(self).items() if k not in self._counts and k[0] != "_"}

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in self._settings().items())
        return f"{type(self).__name__}({shown})"


def _outside_compiled(method: Callable) -> Callable:
    """The method, refused (TraceError CR410) while a function is compiled."""

    @functools.wraps(method)
    def outside(self: Metric, *args: Any, **kwargs: Any) -> Any:
        _refuse_in_compiled(self, f"{method.__name__}()")
        return method(self, *args, **kwargs)

    return outside


def _refuse_in_compiled(metric: Metric, what: str) -> None:
    refuse_in_compiled(
        "CR410",
        f"{type(metric).__name__}.{what}",
        "would be run or read once, when the function is traced, and never again; return the "
        "tensors and use the metric outside",
    )


def _alike(x: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array has that shape; what was gathered has any length."""
    return x.ndim == len(shape) and (x.ndim == 0 or x.shape[1:] == shape[1:])


def values(x: Any, what: str) -> np.ndarray:
    """The numbers of a tensor, array or list, halves as float32.

    Raises: TraceError (CR401) inside a compiled function.
    """
    tensor = x if isinstance(x, Tensor) else as_tensor(x)
    array = tensor._array(what)
    return dtypes.cast(array, np.dtype(np.float32)) if array.dtype in dtypes.HALVES else array


def classes(x: Any, count: int | None, what: str) -> np.ndarray:
    """Whole numbers that name classes, as int64.

    Raises: ArgumentError (CR911) for NaN, fractions and numbers outside 0 to count - 1.
    """
    array = values(x, what)
    if array.dtype.kind == "f" and not (array == np.rint(array)).all():
        odd = np.sort(array[array != np.rint(array)])[::-1]  # NaN first
        raise ArgumentError(
            "CR911",
            f"{what} hold {odd.flat[0]}, no class; classes are whole numbers from 0 on",
        )
    named = array.astype(np.int64)
    if named.size and (named.min() < 0 or (count is not None and named.max() >= count)):
        bound = "on" if count is None else f"to {count - 1}"
        raise ArgumentError(
            "CR911",
            f"{what} hold classes from {named.min()} to {named.max()}, where 0 {bound} are "
            "expected. Give ignore_index for those that do not count, or the right num_classes",
        )
    return named


def scores(x: Any, what: str) -> np.ndarray:
    """Numbers without NaN, as float64.

    Raises: ArgumentError (CR911) for NaN.
    """
    array = values(x, what).astype(np.float64)
    if np.isnan(array).any():
        raise ArgumentError(
            "CR911",
            f"{what} hold {int(np.isnan(array).sum())} NaN among {array.size} numbers; find "
            "where they come from before they are scored",
        )
    return array


def check_pair(fits: bool, name: str, expected: str, preds: Any, target: Any) -> None:
    """Refuse outputs and targets that do not belong together.

    Raises: ShapeError (CR910)
    """
    if not fits:
        raise ShapeError(
            "CR910",
            f"{name} compares {expected}, got {tuple(np.shape(preds))} and "
            f"{tuple(np.shape(target))}",
        )


def check_seen(seen: float, name: str) -> None:
    """Refuse to compute the score of nothing.

    Raises: ArgumentError (CR714)
    """
    if not seen:
        raise ArgumentError("CR714", f"{name} of no samples: call update() first")
