"""The random generator: a seed and the number of draws so far, both tensors.

As state is a tensor, a compiled function draws the same numbers as the eager one.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.device import CPU, resolve_device
from chainrule.errors import ArgumentError, DtypeError
from chainrule.ops.random import RandomBits, RandomUniform
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import active


class Generator:
    """A source of random numbers that can be seeded, saved and restored."""

    def __init__(self, device: Any = "cpu") -> None:
        resolve_device(device)
        self.device = CPU
        with active(None):
            self._seed = Tensor._of(np.zeros((), np.int64))
            self._draw = Tensor._of(np.zeros((), np.int64))
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`."""
        wrapped = (int(seed) + 2**63) % 2**64 - 2**63
        with no_grad():
            self._seed.fill_(wrapped)
            self._draw.fill_(0)
        return self

    def seed(self) -> int:
        """Start a stream nobody has seen; returns its seed."""
        fresh = secrets.randbits(63)
        self.manual_seed(fresh)
        return fresh

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return int(self._seed.item())

    def get_state(self) -> Tensor:
        """The state as a tensor: seed and number of draws."""
        return Tensor._of(np.array([self._seed.item(), self._draw.item()]))

    def set_state(self, state: Tensor) -> Generator:
        """Go on from a state that get_state returned.

        Raises: ArgumentError (CR902) for anything else, such as a state of PyTorch's generator.
        """
        numbers = state.tolist() if isinstance(state, Tensor) else state
        if not isinstance(numbers, list) or len(numbers) != 2:
            raise ArgumentError(
                "CR902",
                "the state of a generator is the seed and the number of draws, as get_state() "
                f"gives it; got shape {np.shape(numbers)}. manual_seed(n) starts anew",
            )
        seed, draw = numbers
        with no_grad():
            self._seed.fill_(seed)
            self._draw.fill_(draw)
        return self

    def _next(self, primitive: Any, *inputs: Tensor, **params: Any) -> Tensor:
        y = Tensor._apply(primitive, *inputs, self._seed, self._draw, **params)
        self._draw.add_(1)
        return y

    def uniform(self, shape: Sequence[int], dtype: dtypes.dtype | None = None) -> Tensor:
        """Numbers from 0 (included) to 1 (excluded)."""
        kind = _floating(dtype)
        wide = np.dtype(np.float32) if kind in dtypes.HALVES else kind
        y = self._next(RandomUniform, shape=tuple(shape), dtype=wide)
        if kind in dtypes.HALVES:  # cut to the digits of the type, so that none rounds to 1
            digits = 11 if kind == np.float16 else 8
            y = (y * 2.0**digits).floor() * 2.0**-digits
        return y._cast(kind)

    def normal(self, shape: Sequence[int], dtype: dtypes.dtype | None = None) -> Tensor:
        """Gaussian numbers with mean 0 and standard deviation 1.

        z = √(-2 ln u) cos 2πv and √(-2 ln u) sin 2πv        Source: Box & Muller 1958
        """
        kind = _floating(dtype)
        size = math.prod(shape)
        wide = dtypes.float64 if kind == np.float64 else dtypes.float32
        pairs = self.uniform((2, -(-size // 2)), wide)
        radius = (-2 * (1 - pairs[0]).log()).sqrt()
        angle = pairs[1] * (2 * math.pi)
        both = radius.concatenate([radius * angle.cos(), radius * angle.sin()])
        return both[:size].reshape(tuple(shape))._cast(kind)

    def integers(self, low: int, high: int, shape: Sequence[int]) -> Tensor:
        """Whole numbers from low (included) to high (excluded)."""
        words = self._next(RandomBits, shape=tuple(shape))
        return ((words >> 1) & (2**63 - 1)) % (high - low) + low

    def permutation(self, n: int) -> Tensor:
        """0 to n - 1 in random order: the order that sorts n random words."""
        words = self._next(RandomBits, shape=(n,))
        return words.argsort(0)


def _floating(dtype: dtypes.dtype | None) -> np.dtype:
    """The type of numbers to draw.

    Raises: DtypeError (CR203) for a type of whole numbers.
    """
    if dtype is None:
        return settings.defaults.float_dtype
    if not dtype.is_floating_point:
        raise DtypeError(
            "CR203",
            f"these random numbers are fractions, which {dtype} does not hold; draw them in a "
            "floating type, or whole numbers with randint()",
        )
    return dtypes.numpy_of(dtype)


settings.defaults.generator = default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator: the same seed, the same numbers."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator with a fresh number and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Go on from a state that get_rng_state returned."""
    default_generator.set_state(new_state)
