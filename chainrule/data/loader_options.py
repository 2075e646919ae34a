"""Checks of what a DataLoader is given: values, and options that contradict each other."""

from __future__ import annotations

import multiprocessing
from typing import Any

from chainrule.data.dataset import IterableDataset
from chainrule.errors import ArgumentError, ArgumentTypeError


def check_order(
    dataset: Any,
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Any,
    batch_sampler: Any,
    drop_last: bool,
) -> None:
    """There are samples, and their order and the batches are said in one way only."""
    if not hasattr(dataset, "__getitem__") and not isinstance(dataset, IterableDataset):
        raise ArgumentTypeError(
            "CR903",
            f"DataLoader takes a Dataset, or a list of samples, got {type(dataset).__name__}; "
            "for samples that only come one after the other make an IterableDataset",
        )
    clash = None
    if isinstance(dataset, IterableDataset) and (
        shuffle or sampler is not None or batch_sampler is not None
    ):
        clash = (
            "an IterableDataset has an order of its own, so shuffle, sampler and batch_sampler "
            "cannot be given with it"
        )
    elif sampler is not None and shuffle:
        clash = "a sampler already says the order, so shuffle=True cannot be given with it"
    elif batch_sampler is not None and (
        batch_size != 1 or shuffle or sampler is not None or drop_last
    ):
        clash = (
            "a batch_sampler already says the batches, so batch_size, shuffle, sampler and "
            "drop_last cannot be given with it"
        )
    elif batch_size is None and batch_sampler is None and drop_last:
        clash = "batch_size=None makes no batches, so there is no last one to drop"
    if clash is not None:
        raise ArgumentError("CR703", f"DataLoader: {clash}; leave one of them out")


def check_workers(
    num_workers: int,
    timeout: float,
    prefetch_factor: int | None,
    persistent_workers: bool,
    context: Any,
) -> None:
    """Numbers that mean something, and no option for workers that are not there."""
    if isinstance(num_workers, float) or not hasattr(num_workers, "__index__"):
        raise ArgumentTypeError(
            "CR704", f"num_workers is a whole number of at least 0, got {num_workers!r}"
        )
    for name, value, least in (
        ("num_workers", num_workers, 0),
        ("timeout", timeout, 0),
        ("prefetch_factor", 1 if prefetch_factor is None else prefetch_factor, 1),
    ):
        if value < least:
            raise ArgumentError("CR704", f"{name} is at least {least}, got {value!r}")
    needless = {"timeout": timeout, "prefetch_factor": prefetch_factor,
                "persistent_workers": persistent_workers,
                "multiprocessing_context": context}  # fmt: skip
    given = [name for name, value in needless.items() if value]
    if num_workers == 0 and given:
        raise ArgumentError(
            "CR703",
            f"DataLoader: {' and '.join(given)} can be given only with num_workers above 0, as "
            "without workers the program loads by itself; leave it out",
        )
    check_context(context)


def check_context(context: Any) -> None:
    """A way of starting processes that this system has."""
    known = multiprocessing.get_all_start_methods()
    if isinstance(context, str) and context not in known:
        raise ArgumentError(
            "CR704", f"multiprocessing_context is one of {', '.join(known)}, got {context!r}"
        )
    if context is not None and not isinstance(context, str) and not hasattr(context, "Process"):
        raise ArgumentTypeError(
            "CR704",
            f"multiprocessing_context is one of {', '.join(known)}, or what "
            f"multiprocessing.get_context() returns, got {context!r}",
        )
