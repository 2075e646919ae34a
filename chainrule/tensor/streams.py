"""The streams of random numbers that reading data may draw on: saved, restored, seeded."""

from __future__ import annotations

import hashlib
import random
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule.tensor.creation import tensor
from chainrule.tensor.generator import Generator, default_generator
from chainrule.tensor.tensor import Tensor

#: the streams of the whole program
PROGRAM = (default_generator, random, np.random)
#: and the objects behind them
BEHIND = (*PROGRAM, random.random.__self__, np.random.random.__self__)  # type: ignore[attr-defined]

STREAMS = (Generator, random.Random, np.random.Generator, np.random.RandomState)
OPAQUE = (str, bytes, int, float, np.ndarray, np.generic, Tensor, type, ModuleType)
MOST_ELEMENTS = 100  # of a container that is searched; larger ones hold data
MOST_OBJECTS = 2000  # that are looked at in one search


def read_state(stream: Any) -> Any:
    """Where a stream is: what `write_state` takes up."""
    if isinstance(stream, Generator):
        return stream.get_state().tolist()
    if isinstance(stream, np.random.Generator):
        return stream.bit_generator.state
    if hasattr(stream, "getstate"):
        return stream.getstate()
    return stream.get_state(legacy=False)


def write_state(stream: Any, state: Any) -> None:
    """Put a stream where it was, from `read_state` or from its `plain` form."""
    if isinstance(stream, Generator):
        stream.set_state(tensor(state))
    elif isinstance(stream, np.random.Generator):
        stream.bit_generator.state = state
    elif hasattr(stream, "setstate"):
        version, words, gauss = state
        stream.setstate((version, tuple(words), gauss))
    else:
        stream.set_state(state)


def plain(state: Any) -> Any:
    """A state made of what JSON knows."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(value) for value in state]
    return state.tolist() if isinstance(state, (np.ndarray, np.generic)) else state


def seed_stream(stream: Any, *key: int) -> None:
    """Start the stream that belongs to a key of whole numbers."""
    digest = hashlib.blake2b(struct.pack(f"<{len(key)}q", *key), digest_size=8).digest()
    words = np.frombuffer(digest, np.uint32)
    if isinstance(stream, Generator):
        stream.manual_seed(int.from_bytes(digest, "little") >> 1)
    elif isinstance(stream, np.random.Generator):
        kind = type(stream.bit_generator)
        stream.bit_generator.state = kind(np.random.SeedSequence(words.tolist())).state
    elif isinstance(stream, random.Random) or stream is random:
        stream.seed(int.from_bytes(digest, "little"))
    else:
        stream.seed(words)


class Streams:
    """The program's streams, and those that some objects (a dataset, a collate_fn) hold."""

    def __init__(self, *owners: Any) -> None:
        self.streams = [*PROGRAM, *held_by(*owners)]

    def seed(self, *key: int) -> None:
        """Start every stream where the key says."""
        for number, stream in enumerate(self.streams):
            seed_stream(stream, *key, number)

    @contextmanager
    def seeded(self, *key: int) -> Iterator[None]:
        """Within it the streams are those of the key; after it, as if nothing was drawn."""
        before = [read_state(stream) for stream in self.streams]
        try:
            self.seed(*key)
            yield
        finally:
            for stream, state in zip(self.streams, before, strict=True):
                write_state(stream, state)


def held_by(*owners: Any, but_not: Iterable[Any] = ()) -> list[Any]:
    """The streams that are reached from some objects through attributes and containers."""
    found: list[Any] = []
    seen = {id(thing) for thing in (*BEHIND, *but_not)}
    waiting = deque(owners)
    while waiting and len(seen) < MOST_OBJECTS:
        thing = waiting.popleft()
        if isinstance(thing, OPAQUE) or id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, STREAMS):
            found.append(thing)
        else:
            waiting.extend(_parts(thing))
    return found


def _parts(thing: Any) -> list[Any]:
    """What an object holds."""
    if isinstance(thing, dict):
        return list(thing.values()) if len(thing) <= MOST_ELEMENTS else []
    if isinstance(thing, (list, tuple)):
        return list(thing) if len(thing) <= MOST_ELEMENTS else []
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, FunctionType):
        return [cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell)]
    return list(vars(thing).values()) if hasattr(thing, "__dict__") else []


def _is_filled(cell: Any) -> bool:
    """Whether a variable of a closure has a value yet."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
