"""A pass over the data: the order of its batches, where it started, how far it has come."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.data.reading import Recipe
from chainrule.data.sampler import BatchSampler, OrderedSampler, is_ordered
from chainrule.tensor.generator import default_generator
from chainrule.tensor.streams import (
    PROGRAM,
    Streams,
    held_by,
    plain,
    read_state,
    write_state,
)

ORDER = -1  # the stream of a sampler, beside those of the workers


@dataclass
class Pass:
    """A pass that has begun.

    `done` batches were handed out, in order, and beyond them those in `ahead`. Over an
    iterable dataset: how far each worker has come, and whose `turn` it is.
    """

    seed: int
    start: dict[str, Any]
    batches: Iterator[Any]
    done: int = 0
    ahead: set[int] = field(default_factory=set)
    workers: list[Any] = field(default_factory=list)
    turn: int = 0
    complete: bool = False

    def tasks(self) -> Iterator[tuple[int, Any]]:
        """The batches still to be made, with their numbers."""
        numbered = enumerate(self.batches, self.done)
        if not self.ahead:
            return numbered
        already = frozenset(self.ahead)
        return (task for task in numbered if task[0] not in already)

    def hand_out(self, number: int) -> None:
        """Count a batch that the caller gets."""
        if number == self.done and not self.ahead:
            self.done = number + 1
            return
        self.ahead.add(number)
        while self.done in self.ahead:
            self.ahead.remove(self.done)
            self.done += 1

    def state(self) -> dict[str, Any] | None:
        """What `resume_pass` goes on from; None where nothing is left to go on with."""
        if self.complete:
            return None
        return {
            "seed": self.seed,
            "start": plain(self.start),
            "done": self.done,
            "ahead": sorted(self.ahead),
            "workers": list(self.workers),
            "turn": self.turn,
        }


class Order:
    """How a DataLoader comes by its order: its sampler, and what that draws on."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.source = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
        inner = self.source.sampler if type(self.source) is BatchSampler else self.source
        self.is_known = inner is None or isinstance(inner, UNDRAWN) or is_ordered(inner)
        self.has_length = self.is_known and inner is not None
        self.program = [default_generator] if self.is_known else list(PROGRAM)
        self.held = self._held_by_samplers()
        self.own = _distinct([loader.generator, *self.held])

    def _held_by_samplers(self) -> list[Any]:
        """Generators of the samplers, and samplers that have an epoch."""
        samplers = [self.source, getattr(self.source, "sampler", None)]
        if self.is_known:
            held = [getattr(sampler, "generator", None) for sampler in samplers]
        else:
            held = held_by(self.source, but_not=(self.loader.dataset,))
        has_epoch = [hasattr(s, "set_epoch") and hasattr(s, "epoch") for s in samplers]
        return _distinct([*held, *itertools.compress(samplers, has_epoch)])

    def read(self) -> dict[str, list[Any]]:
        """Where the program's streams are, and what the loader has of its own."""
        program = [read_state(stream) for stream in self.program]
        return {"program": program, "own": [_read_part(part) for part in self.own]}

    def read_own(self) -> list[Any]:
        """Where the loader's own ones are, in what JSON knows."""
        return [plain(_read_part(part)) for part in self.own]

    def write(self, states: Mapping[str, list[Any]]) -> None:
        """Put all of them where they were."""
        for stream, state in zip(self.program, states["program"], strict=True):
            write_state(stream, state)
        self.write_own(states["own"])

    def write_own(self, states: list[Any]) -> None:
        """Put the loader's own ones where they were."""
        for part, state in zip(self.own, states, strict=True):
            _write_part(part, state)

    def put_back(self, states: Mapping[str, list[Any]]) -> None:
        """As `write`, but leave to a sampler what it goes on drawing from."""
        busy = [] if self.is_known else [_read_part(part) for part in self.held]
        self.write(states)
        for part, state in zip(self.held, busy, strict=False):
            _write_part(part, state)

    def draw_seed(self) -> int:
        """The number that a pass takes from the generator; 0 where nothing depends on it."""
        if self.is_known and not self.loader.recipe.draws:
            return 0
        generator = self.loader.generator or default_generator
        return int(generator.integers(0, 2**62, ()).item())

    def batches(self, seed: int) -> Iterator[Any]:
        """The batches of a pass, as positions."""
        source = self.source
        if source is None:
            return itertools.repeat(None)
        if not self.is_known:
            first = list(itertools.islice(steps := iter(source), 1))
            return itertools.chain(first, _later(steps, seed))
        if type(source) is BatchSampler and isinstance(source.sampler, OrderedSampler):
            return _cut(source.sampler.order(), source.batch_size, source.drop_last)
        return iter(source)


UNDRAWN = (list, tuple, range, np.ndarray)


def _distinct(parts: list[Any]) -> list[Any]:
    """Each object once, without None and the default generator."""
    once = {id(part): part for part in parts if part is not None}
    once.pop(id(default_generator), None)
    return list(once.values())


def _read_part(part: Any) -> Any:
    return part.epoch if hasattr(part, "set_epoch") else read_state(part)


def _write_part(part: Any, state: Any) -> None:
    if hasattr(part, "set_epoch"):
        part.set_epoch(state)
    else:
        write_state(part, state)


def _cut(order: np.ndarray, size: int, drop_last: bool) -> Iterator[np.ndarray]:
    """An order in batches."""
    end = len(order) - len(order) % size if drop_last else len(order)
    return (order[i : i + size] for i in range(0, end, size))


def _later(steps: Iterator[Any], seed: int) -> Iterator[Any]:
    """What a sampler of one's own gives after its first batch.

    Notes: a sampler may draw while it goes on. As workers make it run ahead of the program, it
    then draws from streams of its own, so that the order does not depend on their number.
    """
    streams, end = Streams(), object()
    for number in itertools.count(1):
        with streams.seeded(seed, ORDER, number):
            batch = next(steps, end)
        if batch is end:
            return
        yield batch


def begin_pass(loader: Any) -> Pass:
    """A new pass: one number from the generator, and the sampler's order."""
    order = Order(loader)
    start = order.read()
    seed = _mixed(order.draw_seed(), loader.recipe)
    return Pass(seed, start, order.batches(seed))


def _mixed(seed: int, recipe: Recipe) -> int:
    """The seed, made to depend on the streams that the dataset and collate_fn hold."""
    held = held_by(recipe.dataset, recipe.collate_fn) if recipe.draws else []
    if not held:
        return seed
    states = json.dumps([seed, *(plain(read_state(stream)) for stream in held)])
    return int.from_bytes(hashlib.blake2b(states.encode(), digest_size=8).digest()) >> 2


def resume_pass(loader: Any, saved: Mapping[str, Any]) -> Pass:
    """The pass that a state describes, from its next batch on; no stream has moved after."""
    order = Order(loader)
    present = order.read()
    done, ahead = saved["done"], set(saved["ahead"])
    try:
        order.write(saved["start"])
        order.draw_seed()
        batches = order.batches(saved["seed"])
        if order.source is not None:
            next(itertools.islice(batches, done, done), None)
    finally:
        order.put_back(present)
    return Pass(
        saved["seed"], saved["start"], batches, done, ahead, saved["workers"], saved["turn"]
    )
