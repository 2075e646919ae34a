"""Samplers: in which order a DataLoader reads the samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from types import GenericAlias
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.errors import ArgumentError, ArgumentTypeError, DataError
from chainrule.tensor.creation import as_tensor
from chainrule.tensor.generator import Generator, default_generator


class Sampler:
    """An order: iterating gives the positions of samples.

    Notes: what a sampler of your own draws from chainrule's default generator, from Python's
    `random` or from `numpy.random` belongs to the state of a DataLoader, and so do generators
    that are its attributes, and an `epoch` that `set_epoch(epoch)` changes.
    """

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self, data_source: Sized | None = None) -> None:
        """Nothing is kept: the argument is taken because programs give it."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class OrderedSampler(Sampler):
    """A sampler that knows its whole order beforehand, as one array."""

    def order(self) -> np.ndarray:
        """The positions of one pass."""
        raise NotImplementedError(f"{type(self).__name__} must define order()")

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


class SequentialSampler(OrderedSampler):
    """0, 1, 2, …: the same order every time."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> np.ndarray:
        """0 to the length, not included."""
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(OrderedSampler):
    """A new random order every time.

    Args:
        replacement: draw each sample anew from all of them, so that some come twice.
        num_samples: how many to draw; all of them if None.
        generator: where the order comes from; the default generator if None.

    Raises: DataError (CR706) for an empty dataset; ArgumentError (CR705) for num_samples < 1.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        _check_flag("RandomSampler", "replacement", replacement)
        if num_samples is not None:
            _check_count("RandomSampler", num_samples)
        if len(data_source) == 0:
            raise DataError(
                "CR706", "there is nothing to draw from: the dataset has no samples"
            )

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> np.ndarray:
        """Random positions; without replacement as many whole shuffles as are needed."""
        source, n = self.generator or default_generator, len(self.data_source)
        if self.replacement:
            return source.integers(0, n, (self.num_samples,)).numpy()
        shuffles = -(-self.num_samples // n)
        drawn = [source.permutation(n).numpy() for _ in range(shuffles)]
        return np.concatenate(drawn)[: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(OrderedSampler):
    """Chosen positions in a new random order every time.

    Args:
        indices: the positions.
        generator: where the order comes from; the default generator if None.
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def order(self) -> np.ndarray:
        """The positions, shuffled."""
        shuffled = (self.generator or default_generator).permutation(len(self.indices))
        return np.asarray(list(self.indices))[shuffled.numpy()]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(OrderedSampler):
    """Positions drawn with probabilities wᵢ / Σ w.

    Args:
        weights: one for each sample, at least 0; they need not add up to 1.
        num_samples: how many are drawn in one pass.
        replacement: draw each time from all of them, so that some come more than once.
        generator: where the draws come from; the default generator if None.

    Raises: ArgumentError (CR726) for weights that are no probabilities, or fewer than are
    drawn without replacement; (CR705) for num_samples < 1.

    Example:
        >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], num_samples=4))
        [1, 1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        _check_flag("WeightedRandomSampler", "replacement", replacement)
        _check_count("WeightedRandomSampler", num_samples)
        self.weights = as_tensor(weights, dtype=dtypes.float64)
        _check_weights(self.weights.numpy(), num_samples, replacement)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def order(self) -> np.ndarray:
        """What was drawn: where uniform numbers fall in the running sum of the weights."""
        source = self.generator or default_generator
        if not self.replacement:
            return self.weights.multinomial(self.num_samples, generator=source).numpy()
        ends = self.weights.numpy().cumsum()
        drawn = source.uniform((self.num_samples,), dtypes.float64).numpy() * ends[-1]
        return np.minimum(
            ends.searchsorted(drawn, "right"), self.weights.numpy().nonzero()[0][-1]
        )

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Positions in groups of `batch_size`; the last group may be smaller, or is dropped.

    Example:
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ArgumentError(
                "CR705", f"batch_size is a whole number of at least 1, got {batch_size!r}"
            )
        _check_flag("BatchSampler", "drop_last", drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        positions = iter(self.sampler)
        while batch := list(itertools.islice(positions, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def is_ordered(sampler: Any) -> bool:
    """Whether iterating gives what `order()` says, and draws nothing more."""
    plain = OrderedSampler.__iter__  # a subclass may go through them in another order
    return isinstance(sampler, OrderedSampler) and type(sampler).__iter__ is plain


def _check_flag(who: str, name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ArgumentTypeError("CR903", f"{who}: {name} is True or False, got {value!r}")


def _check_count(who: str, num_samples: Any) -> None:
    if isinstance(num_samples, bool) or not isinstance(num_samples, int) or num_samples < 1:
        raise ArgumentError(
            "CR705", f"{who} draws at least 1 sample, got num_samples={num_samples!r}"
        )


def _check_weights(weights: np.ndarray, num_samples: int, replacement: bool) -> None:
    if weights.ndim != 1:
        problem = f"one for each sample are expected, got shape {weights.shape}"
    elif not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        problem = (
            "finite numbers of at least 0 are expected, not all of them 0; got "
            f"{weights.min(initial=np.inf):.6g} to {weights.max(initial=-np.inf):.6g}"
        )
    elif not replacement and num_samples > len(weights):
        problem = (
            f"{num_samples} samples without replacement need as many weights, got "
            f"{len(weights)}; draw fewer, or with replacement=True"
        )
    else:
        return
    raise ArgumentError("CR726", f"WeightedRandomSampler: the weights: {problem}")
