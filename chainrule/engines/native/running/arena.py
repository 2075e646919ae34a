"""The memory in which programs keep the values between their kernels.

A run borrows an arena and gives it back, and nothing in it outlives the run. So all programs of
a process share as few arenas as ever ran at the same time, one where there is one thread. Each
is as large as the largest program needs that there is.
"""

from __future__ import annotations

import contextlib
import weakref

import numpy as np

from chainrule.engines.native.running.pool import aligned


class Arena:
    """A piece of memory: its bytes, how many they are, and where they begin."""

    __slots__ = ("address", "memory", "size")

    def __init__(self, size: int) -> None:
        self.memory: np.ndarray = aligned(size)
        self.size = size
        self.address: int = self.memory.ctypes.data


class Arenas:
    """Arenas that nobody works in now.

    Notes: there is no lock, as every change of a list is a single step: an arena is either in
    the list or with the one who took it out. Programs may end at any moment, even in here.
    """

    def __init__(self) -> None:
        self._free: list[Arena] = []
        self._sizes: list[int] = []  # what each program that there is needs
        self._most = 0

    def enlist(self, program: object, size: int) -> None:
        """From now on, until the program ends, keep arenas of that size."""
        self._sizes.append(size)
        self._most = max(self._sizes)
        weakref.finalize(program, self._dismiss, size).atexit = False

    def _dismiss(self, size: int) -> None:
        """A program has ended: let go of what is larger than the others need."""
        self._sizes.remove(size)
        self._most = max(self._sizes, default=0)
        for _ in range(len(self._free)):
            with contextlib.suppress(IndexError):  # another thread has taken the last
                self.give(self._free.pop(0))

    def take(self, size: int) -> Arena:
        """An arena of that size at least, for one run."""
        self._most = max(self._most, size)
        try:
            arena = self._free.pop()
        except IndexError:
            return Arena(size)
        if arena.size >= size:
            return arena
        del arena  # before there is a larger one
        return Arena(size)

    def give(self, arena: Arena) -> None:
        """Take an arena back."""
        if arena.size <= self._most:
            self._free.append(arena)

    @property
    def held(self) -> list[int]:
        """The bytes of each."""
        return [arena.size for arena in self._free]


arenas = Arenas()
