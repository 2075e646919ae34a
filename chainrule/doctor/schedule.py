"""When to look: early, because what is fatal shows at once, and then as time allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHARE = 0.02  # of the time of the training
EARLY = (0, 8, 24, 44)  # steps of the first looks: what is fatal is said within 50 steps
SOON = 17  # steps after a look at which something was suspicious
LITTLE = 0.015  # seconds that an early look may take in any case
LONGEST_PAUSE = 200  # steps between two looks


class Schedule:
    """Chooses the steps to look at, and keeps account of the time that takes.

    Args: first: the number of the first step.

    Notes: the first look is made in any case; the other early ones where they take little, or
        the step need not be run once more for them, the last of them also where the loss has
        not fallen clearly by then. The others are made where all looks together take no more
        than SHARE of the time.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.spent = 0.0  # seconds of looking
        self.tried = 0.0  # seconds of trials, which are made when something was found
        self._must = True  # the next look is made whatever it costs
        self._last = first - 1  # the step of the last look
        self._next = first
        self._cost = 0.0  # seconds of the last look
        self._work = self._began = 0.0  # the same, as far as this thread worked
        self._before = 0.0  # what was spent before this one
        self._since: float | None = None  # when the looking that goes on began
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the watch began."""
        return max(time.perf_counter() - self._started, 1e-9)

    @property
    def share(self) -> float:
        """The part of that which the doctor took, trials included."""
        return (self.spent + self.tried) / self.elapsed

    def is_due(self, step: int, is_extra: bool, is_learning: Callable[[], bool]) -> bool:
        """Whether to look at a step.

        Args: is_extra: it is run once more for that; is_learning: the loss has fallen clearly.
        """
        if step < self._next:
            return False
        late = self.first + EARLY[-1]
        if self._must or (self._last < late <= step and not is_learning()):
            return True
        if step <= late and (not is_extra or self._work <= LITTLE):
            return True
        return self.spent + self._cost <= SHARE * self.elapsed

    def begins(self, step: int) -> None:
        """A look at a step begins."""
        self._before, self._last, self._must = self._spent_now, step, False
        self._began = time.thread_time()

    def ends(self, is_suspicious: bool) -> None:
        """It is over.

        Args: is_suspicious: what was seen is a fault if it is seen again.
        """
        self._cost = self._spent_now - self._before
        self._work = time.thread_time() - self._began
        done = self._last - self.first
        early = next((step for step in EARLY if step > done), None)
        later = done + min(LONGEST_PAUSE, max(1, done))
        self._next = self.first + (later if early is None else early)
        if is_suspicious:
            self.hasten(self._last + SOON)

    def hasten(self, step: int) -> None:
        """Look at a step, whatever it costs."""
        self._next, self._must = step, True

    def give_up(self) -> None:
        """Look no more."""
        self._next = sys.maxsize

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Time that is spent inside counts; once, where it is nested."""
        if self._since is not None:
            yield
            return
        self._since = time.perf_counter()
        try:
            yield
        finally:
            self.spent = self._spent_now
            self._since = None

    @property
    def _spent_now(self) -> float:
        """With what is spent right now."""
        return self.spent + (0 if self._since is None else time.perf_counter() - self._since)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Time of a trial."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.tried += time.perf_counter() - start
