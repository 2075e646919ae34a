"""How cases of layers are written: inputs of some kind, and `case`, which names one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np


def numbers(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from -2 to 2 that belong to a name, the same on every machine."""
    with np.errstate(over="ignore"):
        x = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(
            zlib.crc32(name.encode())
        )
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return ((x >> np.uint64(40)) / 2.0**22 - 2).reshape(shape)


class Input:
    """What an argument of a case is made of; `grad` says whether its gradient is compared."""

    def __init__(self, *shape: int, make: Callable = lambda x: x, grad: bool = True) -> None:
        self.shape, self.make, self.grad = shape, make, grad

    def array(self, name: str) -> np.ndarray:
        return self.make(numbers(name, self.shape))


def x(*shape: int) -> Input:
    return Input(*shape)


def const(*shape: int) -> Input:
    return Input(*shape, grad=False)


def unit(*shape: int, grad: bool = True) -> Input:
    """From 0 to 1, neither included."""
    return Input(*shape, make=lambda u: 0.5 + u * 0.2499, grad=grad)


def given(values: Any, grad: bool = False) -> Input:
    """These numbers."""
    array = np.array(values)
    return Input(*array.shape, make=lambda u: array.copy(), grad=grad)


def labels(k: int, *shape: int, ignored: int | None = None) -> Input:
    """Whole numbers from 0 to k - 1, the first one perhaps an ignored label."""

    def make(u: np.ndarray) -> np.ndarray:
        found = np.floor((u + 2) / 4 * k).astype(np.int64)
        if ignored is not None:
            found.reshape(-1)[0] = ignored
        return found

    return Input(*shape, make=make, grad=False)


def shares(*shape: int, grad: bool = False) -> Input:
    """Probabilities along axis 1."""
    return Input(*shape, make=lambda u: np.exp(u) / np.exp(u).sum(1, keepdims=True), grad=grad)


def weights(t: Any, *values: float) -> Any:
    """A weight for each class."""
    return t.tensor(values, dtype=t.float64)


CASES: dict[str, tuple[Callable[[Any], Any], tuple[Input, ...]]] = {}


def case(name: str, make: Callable[[Any], Any], *inputs: Input) -> None:
    assert name not in CASES
    CASES[name] = (make, inputs)
