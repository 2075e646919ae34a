"""Making a batch of samples: in the program itself, or in a worker process."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data.collate import default_collate, default_convert
from chainrule.data.dataset import (
    IterableDataset,
    batch_reader,
    is_deterministic,
    reads_at_once,
    sample_reader,
)
from chainrule.errors import AxisError
from chainrule.tensor.streams import Streams

END = object()  # instead of a batch: an iterable dataset has no more


@dataclass(frozen=True)
class Recipe:
    """What batches are made of, and how."""

    dataset: Any
    collate_fn: Callable[[Any], Any]
    in_batches: bool
    batch_size: int | None  # of an iterable dataset
    drop_last: bool

    @property
    def is_iterable(self) -> bool:
        return isinstance(self.dataset, IterableDataset)

    @property
    def draws(self) -> bool:
        """Whether making a batch may draw random numbers."""
        plain = self.collate_fn in (default_collate, default_convert)
        return not (plain and is_deterministic(self.dataset))


class BatchMaker:
    """Makes batch after batch, each with the random numbers that belong to it.

    Args:
        worker: the number of the worker process; 0 in the program itself.
        in_program: put the streams of random numbers back after each batch.
    """

    def __init__(self, recipe: Recipe, worker: int = 0, in_program: bool = True) -> None:
        self.recipe = recipe
        self.in_program = in_program
        self._stream = worker if recipe.is_iterable else 0  # others read the same in any
        self._stateful = all(
            hasattr(recipe.dataset, name) for name in ("state_dict", "load_state_dict")
        )

    def begin(self, seed: int, position: dict[str, Any] | None = None) -> None:
        """Begin a pass; that of an iterable dataset at a position that `position()` gave."""
        recipe = self.recipe
        self._seed, self._made = seed, 0
        self._streams = Streams(recipe.dataset, recipe.collate_fn) if recipe.draws else None
        if not recipe.is_iterable:
            self._read = map_reader(recipe)
            return
        if position and self._stateful:
            recipe.dataset.load_state_dict(position["dataset"])
            self._made = position["batches"]
        self._read = iterable_reader(recipe)
        while position and self._made < position["batches"]:
            self.make(self._made, None)

    def make(self, number: int, positions: Any) -> Any:
        """Batch `number` of the pass, of the samples at `positions`; END after the last."""
        if self.recipe.is_iterable:
            number, self._made = self._made, self._made + 1
        if self._streams is None:
            return self._read(positions)
        if self.in_program:
            with self._streams.seeded(self._seed, self._stream, number):
                return self._read(positions)
        self._streams.seed(self._seed, self._stream, number)
        return self._read(positions)

    def position(self) -> dict[str, Any] | None:
        """How far the pass over an iterable dataset has come."""
        if not self.recipe.is_iterable:
            return None
        state = copy.deepcopy(self.recipe.dataset.state_dict()) if self._stateful else None
        return {"batches": self._made, "dataset": state}


def map_reader(recipe: Recipe) -> Callable[[Any], Any]:
    """What reads the samples at given positions and collates them."""
    dataset, collate = recipe.dataset, recipe.collate_fn
    if not recipe.in_batches:
        return _checked(dataset, lambda position: collate(dataset[position]))
    if collate is default_collate and reads_at_once(dataset):
        at_once = batch_reader(dataset)
        return _checked(dataset, lambda positions: at_once(np.asarray(positions, np.intp)))
    read = sample_reader(dataset)
    return _checked(dataset, lambda positions: collate(read(_listed(positions))))


def _listed(positions: Any) -> list[Any]:
    return positions.tolist() if isinstance(positions, np.ndarray) else list(positions)


def _checked(dataset: Any, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`read` with clear errors for positions that the dataset does not have."""

    def checked(positions: Any) -> Any:
        try:
            return read(positions)
        except IndexError:
            _check_range(dataset, positions)
            raise
        except StopIteration as error:  # it would end the pass without a word
            raise RuntimeError(f"{type(dataset).__name__} raised StopIteration") from error

    return checked


def _check_range(dataset: Any, positions: Any) -> None:
    n = len(dataset)
    beyond = [p for p in np.ravel(positions).tolist() if isinstance(p, int) and p >= n]
    if beyond:
        raise AxisError(
            "CR708",
            f"the sampler asked for sample {max(beyond)}, but the dataset has {n} samples, "
            f"0 to {n - 1}",
        ) from None


def iterable_reader(recipe: Recipe) -> Callable[[Any], Any]:
    """What reads the next samples of an iterable dataset and collates them."""
    collate, size = recipe.collate_fn, recipe.batch_size
    samples: Iterator[Any] | None = None

    def read(_: Any) -> Any:
        nonlocal samples
        if samples is None:
            samples = iter(recipe.dataset)
        if size is None:
            sample = next(samples, END)
            return END if sample is END else collate(sample)
        batch = list(itertools.islice(samples, size))
        return END if len(batch) < (size if recipe.drop_last else 1) else collate(batch)

    return read
