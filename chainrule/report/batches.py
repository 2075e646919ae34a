"""Batches for a look: read without a trace in the training's own order and random numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.data.dataset import IterableDataset
from chainrule.data.loader import DataLoader
from chainrule.tensor.tensor import Tensor


def again(batches: Any) -> Iterable[Any] | None:
    """The same batches, to be gone through by the side; None where that cannot be done.

    Notes: of a DataLoader a copy without workers, which has a pass of its own. An iterator, and
        what reads a stream, is left alone: what is taken from it is missing in the training.
    """
    if isinstance(batches, DataLoader):
        if isinstance(batches.dataset, IterableDataset):
            return None
        aside = copy.copy(batches)
        vars(aside).update(num_workers=0, persistent_workers=False, prefetch_factor=None)
        return aside
    return batches if isinstance(batches, (list, tuple)) else None


def pairs(batches: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Inputs and targets, of the batches that are such pairs."""
    for batch in batches:
        if isinstance(batch, (tuple, list)) and len(batch) == 2:
            yield batch[0], batch[1]


def as_array(value: Any) -> np.ndarray | None:
    """The numbers of a tensor; None for anything else."""
    return np.array(value.detach().tolist()) if isinstance(value, Tensor) else None
